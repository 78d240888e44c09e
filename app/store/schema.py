"""The tables in SQLAlchemy, for composed queries. The migrations make them, and a test compares the two.

Things that SQLAlchemy cannot express stand in the migrations alone: that the keys that end in a range are temporal
(`WITHOUT OVERLAPS`), row-level security, grants and triggers.
"""

from typing import Any, get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import (
    ARRAY,
    DATEMULTIRANGE,
    DATERANGE,
    INTERVAL,
    JSONB,
    TIMESTAMP,
    TSTZRANGE,
    ExcludeConstraint,
)

from app.domain.closed_sets import (
    Area,
    Category,
    ClaimedDirection,
    CorrectionKind,
    ItemKind,
    KeptVerdict,
    LoginMethod,
    Outcome,
    PeriodUnit,
    PresenceState,
    ProviderForm,
    Status,
    TagKind,
)

# PostgreSQL's own names for what has no better one, so that both sides agree on every name.
metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)

INSTANT = TIMESTAMP(timezone=True)


def tenant() -> Column[int]:
    """The municipality's code, the first column of every key."""
    return Column("municipality_id", Integer, ForeignKey("municipality.municipality_id"), nullable=False)


def hot_tenant() -> Column[int]:
    """The municipality's code in a table that grows with every tap. A foreign key would cost an index."""
    return Column("municipality_id", Integer, nullable=False)


def one_of(column: str, closed_set: Any, name: str) -> CheckConstraint:
    """A check that a column holds a word of a closed set, which is a Literal of the domain."""
    words = ", ".join(f"'{word}'" for word in get_args(closed_set))
    return CheckConstraint(f"{column} IN ({words})", name=name)


def required(kind: Any, *names: str) -> list[Column[Any]]:
    """Columns of one type that are never null."""
    return [Column(name, kind, nullable=False) for name in names]


def optional(kind: Any, *names: str) -> list[Column[Any]]:
    """Columns of one type that may be null."""
    return [Column(name, kind) for name in names]


municipality = Table(
    "municipality",
    metadata,
    Column("municipality_id", Integer, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("as_of", INSTANT, nullable=False),
    Column("master_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("change_no", BigInteger, nullable=False, server_default=text("0")),
    Column("lookup_mark", LargeBinary),
    Column("epoch", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("leafless", Boolean, nullable=False, server_default=text("false")),
    Column("mac", LargeBinary),
    PrimaryKeyConstraint("municipality_id"),
    CheckConstraint("municipality_id > 0", name="municipality_municipality_id_check"),
)

record = Table(
    "record",
    metadata,
    tenant(),
    *required(Text, "kind", "ref"),
    Column("version", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("removed", Boolean, nullable=False, server_default=text("false")),
    Column("body", JSONB, nullable=False),
    PrimaryKeyConstraint("municipality_id", "kind", "ref", "version"),
    CheckConstraint("version > 0", name="record_version_check"),
    UniqueConstraint("municipality_id", "seq"),
)

provider = Table(
    "provider",
    metadata,
    tenant(),
    *required(Text, "ref", "form"),
    PrimaryKeyConstraint("municipality_id", "ref"),
    one_of("form", ProviderForm, "provider_form_check"),
)

recipient_version = Table(
    "recipient_version",
    metadata,
    tenant(),
    Column("ref", Text, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    *required(Text, "household", "area"),
    *optional(Date, "birth_date", "died_on"),
    Column("protected", Boolean, nullable=False),
    PrimaryKeyConstraint("municipality_id", "ref", "valid"),
    CheckConstraint("NOT isempty(valid)", name="recipient_version_valid_check"),
    one_of("area", Area, "recipient_version_area_check"),
    Index("recipient_version_household", "municipality_id", "household"),
)

sealed_field = Table(
    "sealed_field",
    metadata,
    tenant(),
    *required(Text, "kind", "ref", "field"),
    *required(LargeBinary, "sealed", "digest"),
    PrimaryKeyConstraint("municipality_id", "kind", "ref", "field"),
    Index(
        "recipient_one_ref_a_number",
        "municipality_id",
        "digest",
        unique=True,
        postgresql_where=text("kind = 'recipients' AND field = 'personal_number'"),
    ),
)

staff_version = Table(
    "staff_version",
    metadata,
    tenant(),
    Column("ref", Text, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    *required(Text, "person", "provider", "role"),
    PrimaryKeyConstraint("municipality_id", "ref", "valid"),
    CheckConstraint("NOT isempty(valid)", name="staff_version_valid_check"),
    ForeignKeyConstraint(["municipality_id", "provider"], ["provider.municipality_id", "provider.ref"]),
    Index("staff_version_person", "municipality_id", "person"),
)

intervention_version = Table(
    "intervention_version",
    metadata,
    tenant(),
    Column("ref", Text, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    Column("category", Text, nullable=False),
    Column("standard_minutes", Integer, nullable=False),
    PrimaryKeyConstraint("municipality_id", "ref", "valid"),
    CheckConstraint("NOT isempty(valid)", name="intervention_version_valid_check"),
    one_of("category", Category, "intervention_version_category_check"),
    CheckConstraint("standard_minutes >= 0", name="intervention_version_standard_minutes_check"),
)

care_order = Table(
    "care_order",
    metadata,
    tenant(),
    *required(Text, "ref", "recipient", "provider"),
    Column("part", Integer, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    Column("in_force", DATEMULTIRANGE, nullable=False),
    PrimaryKeyConstraint("municipality_id", "ref", "part"),
    CheckConstraint("NOT isempty(valid)", name="care_order_valid_check"),
    ForeignKeyConstraint(["municipality_id", "provider"], ["provider.municipality_id", "provider.ref"]),
    CheckConstraint("in_force <@ datemultirange(valid)", name="care_order_in_force_within_valid"),
    Index("care_order_recipient", "municipality_id", "recipient"),
)

order_line = Table(
    "order_line",
    metadata,
    Column("municipality_id", Integer, nullable=False),
    *required(Text, "order_ref", "ref"),
    *required(Integer, "part", "line_no"),
    Column("intervention", Text, nullable=False),
    Column("standard_minutes", Integer),
    *required(Integer, "frequency", "period"),
    Column("period_unit", Text, nullable=False),
    Column("staff_count", Integer, nullable=False),
    PrimaryKeyConstraint("municipality_id", "order_ref", "part", "ref"),
    CheckConstraint("standard_minutes >= 0", name="order_line_standard_minutes_check"),
    CheckConstraint("frequency >= 0", name="order_line_frequency_check"),
    CheckConstraint("period > 0", name="order_line_period_check"),
    one_of("period_unit", PeriodUnit, "order_line_period_unit_check"),
    CheckConstraint("staff_count > 0", name="order_line_staff_count_check"),
    ForeignKeyConstraint(
        ["municipality_id", "order_ref", "part"],
        ["care_order.municipality_id", "care_order.ref", "care_order.part"],
        ondelete="CASCADE",
    ),
)

contract = Table(
    "contract",
    metadata,
    tenant(),
    *required(Text, "ref", "provider"),
    Column("valid", DATERANGE, nullable=False),
    PrimaryKeyConstraint("municipality_id", "ref"),
    CheckConstraint("NOT isempty(valid)", name="contract_valid_check"),
    ForeignKeyConstraint(["municipality_id", "provider"], ["provider.municipality_id", "provider.ref"]),
    ExcludeConstraint(("municipality_id", "="), ("provider", "="), ("valid", "&&"), name="contract_one_at_a_time"),
)

tag = Table(
    "tag",
    metadata,
    tenant(),
    *required(Text, "ref", "kind", "uid"),
    PrimaryKeyConstraint("municipality_id", "ref"),
    one_of("kind", TagKind, "tag_kind_check"),
    UniqueConstraint("municipality_id", "uid", name="tag_one_ref_a_uid"),
)

tag_mount = Table(
    "tag_mount",
    metadata,
    Column("municipality_id", Integer, nullable=False),
    *required(Text, "tag", "household"),
    Column("mounted", TSTZRANGE, nullable=False),
    Column("hung_by", Text),
    PrimaryKeyConstraint("municipality_id", "tag", "mounted", name="tag_mount_one_household_at_a_time"),
    CheckConstraint("NOT isempty(mounted)", name="tag_mount_mounted_check"),
    ForeignKeyConstraint(["municipality_id", "tag"], ["tag.municipality_id", "tag.ref"], ondelete="CASCADE"),
)

enrolment = Table(
    "enrolment",
    metadata,
    tenant(),
    Column("code_digest", LargeBinary, nullable=False),
    *optional(Text, "staff", "provider"),
    Column("expires_at", INSTANT, nullable=False),
    Column("mac", LargeBinary),
    PrimaryKeyConstraint("municipality_id", "code_digest"),
)

issuer_secret = Table(
    "issuer_secret",
    metadata,
    tenant(),
    Column("issuer", Text, nullable=False),
    Column("secret_sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("municipality_id", "issuer"),
)

pin = Table(
    "pin",
    metadata,
    tenant(),
    *required(Text, "staff", "pin_hash"),
    Column("tries", Integer, nullable=False),
    Column("mac", LargeBinary),
    PrimaryKeyConstraint("municipality_id", "staff"),
)

work_shift = Table(
    "work_shift",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    *required(Text, "device", "staff"),
    *required(INSTANT, "began_at", "ends_at"),
    Column("mac", LargeBinary),
    PrimaryKeyConstraint("municipality_id", "id"),
    Index("work_shift_ended", "municipality_id", "ends_at"),
)

access_entry = Table(
    "access_entry",
    metadata,
    hot_tenant(),
    Column("id", Uuid, nullable=False),
    Column("at", INSTANT, nullable=False),
    *required(Text, "subject", "role"),
    Column("provider", Text),
    Column("route", Text, nullable=False),
    Column("recipients", ARRAY(Text), nullable=False),
    Column("bulk", Boolean, nullable=False),
    Column("filter", Text, nullable=False),
    Column("purpose", Text),
    Column("block", Uuid),
    Column("mac", LargeBinary, nullable=False),
    PrimaryKeyConstraint("municipality_id", "id"),
    Index("access_entry_subject", "municipality_id", "subject", "id"),
    Index("access_entry_waiting", "municipality_id", "id", postgresql_where=text("block IS NULL")),
    Index("access_entry_bulk", "municipality_id", "id", postgresql_where=text("bulk")),
)

access_person = Table(
    "access_person",
    metadata,
    hot_tenant(),
    *required(Text, "recipient"),
    Column("entry", Uuid, nullable=False),
    PrimaryKeyConstraint("municipality_id", "recipient", "entry"),
)

access_block = Table(
    "access_block",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    *required(INSTANT, "closed_at", "first_at", "last_at"),
    Column("entries", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    PrimaryKeyConstraint("municipality_id", "id"),
)

login_link = Table(
    "login_link",
    metadata,
    tenant(),
    Column("digest", LargeBinary, nullable=False),
    Column("member", Text, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("mac", LargeBinary),
    PrimaryKeyConstraint("municipality_id", "digest"),
)

session = Table(
    "session",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("member", Text),
    Column("choices", ARRAY(Text), nullable=False),
    Column("method", Text, nullable=False),
    *required(INSTANT, "started_at", "seen_at", "ends_at"),
    Column("mac", LargeBinary),
    PrimaryKeyConstraint("municipality_id", "id"),
    UniqueConstraint("municipality_id", "digest", name="session_one_a_secret"),
    one_of("method", LoginMethod, "session_method_check"),
)

spent_assertion = Table(
    "spent_assertion",
    metadata,
    tenant(),
    Column("device", Text, nullable=False),
    Column("jti_digest", LargeBinary, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("municipality_id", "device", "jti_digest"),
)

keyset_key = Table(
    "keyset_key",
    metadata,
    tenant(),
    Column("keyset", Text, nullable=False),
    *required(LargeBinary, "meta_key_sealed", "file_master_sealed"),
    PrimaryKeyConstraint("municipality_id", "keyset"),
)

tap = Table(
    "tap",
    metadata,
    hot_tenant(),
    Column("id", Uuid, nullable=False),
    Column("staff", Text, nullable=False),
    Column("device", Text),
    Column("direction", Text, nullable=False),
    *required(INSTANT, "at", "tapped_at", "received_at"),
    *optional(Text, "tag", "household", "reason", "note"),
    *required(Text, "evidence", "verdict"),
    Column("code", Text),
    Column("flags", ARRAY(Text), nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    *optional(Integer, "epoch", "counter"),
    PrimaryKeyConstraint("municipality_id", "id"),
    one_of("direction", ClaimedDirection, "tap_direction_check"),
    CheckConstraint("(epoch IS NULL) = (counter IS NULL)", name="tap_counter_of_an_epoch"),
    one_of("verdict", KeptVerdict, "tap_verdict_check"),
    CheckConstraint("(tag IS NULL) <> (household IS NULL)", name="tap_tag_or_household"),
    CheckConstraint("at <= received_at", name="tap_not_after_receipt"),
    Index("tap_staff_at", "municipality_id", "staff", "at", postgresql_where=text("code IS DISTINCT FROM 'too_many'")),
    Index("tap_tag_at", "municipality_id", "tag", "at", postgresql_where=text("tag IS NOT NULL")),
    Index("tap_disputed", "municipality_id", "at", "id", postgresql_where=text("verdict = 'disputed'")),
    Index("tap_flagged", "municipality_id", "staff", "at", postgresql_where=text("cardinality(flags) > 0")),
    Index("tap_device_flagged", "municipality_id", "device", "at", postgresql_where=text("cardinality(flags) > 0")),
)

tag_read = Table(
    "tag_read",
    metadata,
    hot_tenant(),
    Column("tag", Text, nullable=False),
    *required(Integer, "epoch", "counter"),
    Column("tap", Uuid, nullable=False),
    Column("phone", Text, nullable=False),
    *required(INSTANT, "low_at", "high_at", "reached_at"),
    PrimaryKeyConstraint("municipality_id", "tag", "epoch", "counter", name="tag_read_each_counter_once"),
)

attempt = Table(
    "attempt",
    metadata,
    hot_tenant(),
    Column("id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("item_id", Uuid),
    Column("staff", Text, nullable=False),
    Column("device", Text),
    Column("received_at", INSTANT, nullable=False),
    Column("code", Text, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("claim", JSONB, nullable=False),
    PrimaryKeyConstraint("municipality_id", "id"),
    one_of("kind", ItemKind, "attempt_kind_check"),
    UniqueConstraint(
        "municipality_id",
        "kind",
        "item_id",
        "body_hash",
        "code",
        name="attempt_once_a_body_and_code",
        postgresql_nulls_not_distinct=True,
    ),
)

attempt_count = Table(
    "attempt_count",
    metadata,
    hot_tenant(),
    Column("staff", Text, nullable=False),
    Column("counted_on", Date, nullable=False),
    Column("items", Integer, nullable=False),
    PrimaryKeyConstraint("municipality_id", "staff"),
)

phone_clock = Table(
    "phone_clock",
    metadata,
    hot_tenant(),
    Column("phone", Text, nullable=False),
    Column("wall_shift", INTERVAL, nullable=False),
    Column("booted_at", INSTANT),
    Column("mac", LargeBinary),
    PrimaryKeyConstraint("municipality_id", "phone"),
)

report = Table(
    "report",
    metadata,
    hot_tenant(),
    Column("id", Uuid, nullable=False),
    Column("staff", Text, nullable=False),
    Column("device", Text),
    Column("tap", Uuid, nullable=False),
    *required(INSTANT, "reported_at", "received_at"),
    Column("outcome", Text, nullable=False),
    Column("interventions", JSONB, nullable=False),
    Column("note", Text),
    Column("body_hash", LargeBinary, nullable=False),
    Column("sent_at", INSTANT),
    PrimaryKeyConstraint("municipality_id", "id"),
    one_of("outcome", Outcome, "report_outcome_check"),
    Index("report_tap", "municipality_id", "tap"),
)

ledger_leaf = Table(
    "ledger_leaf",
    metadata,
    hot_tenant(),
    Column("leaf_index", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("fact", Uuid, nullable=False),
    *required(LargeBinary, "salt", "leaf", "mac"),
    PrimaryKeyConstraint("municipality_id", "leaf_index"),
    CheckConstraint("leaf_index >= 0", name="ledger_leaf_leaf_index_check"),
    CheckConstraint("octet_length(leaf) = 32", name="ledger_leaf_leaf_check"),
    UniqueConstraint("municipality_id", "fact", "kind", name="ledger_leaf_one_a_fact"),
)

erased_fact = Table(
    "erased_fact",
    metadata,
    tenant(),
    Column("kind", Text, nullable=False),
    Column("fact", Uuid, nullable=False),
    Column("public", Text, nullable=False),
    Column("committed", LargeBinary, nullable=False),
    Column("purge", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    PrimaryKeyConstraint("municipality_id", "kind", "fact"),
    CheckConstraint("octet_length(committed) = 32", name="erased_fact_committed_check"),
)

ledger_tile = Table(
    "ledger_tile",
    metadata,
    hot_tenant(),
    Column("level", Integer, nullable=False),
    Column("no", BigInteger, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    PrimaryKeyConstraint("municipality_id", "level", "no"),
    CheckConstraint(
        "octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0", name="ledger_tile_hashes_check"
    ),
)

ledger_head = Table(
    "ledger_head",
    metadata,
    tenant(),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("municipality_id"),
    CheckConstraint("size >= 0", name="ledger_head_size_check"),
    CheckConstraint("octet_length(root) = 32", name="ledger_head_root_check"),
)

correction = Table(
    "correction",
    metadata,
    hot_tenant(),
    Column("id", Uuid, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("tap", Uuid, nullable=False),
    Column("staff", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("recipient", Text),
    Column("kind", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("seen", ARRAY(Uuid), nullable=False),
    Column("before", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("note", Text),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("municipality_id", "id"),
    UniqueConstraint("municipality_id", "seq", name="correction_in_order"),
    one_of("kind", CorrectionKind, "correction_kind_check"),
    CheckConstraint("recipient IS NOT NULL OR kind = 'settle_dispute'", name="correction_of_a_visit"),
    CheckConstraint("reason <> 'other' OR note IS NOT NULL", name="correction_other_has_a_note"),
    Index("correction_tap", "municipality_id", "tap"),
    Index("correction_staff_at", "municipality_id", "staff", "at"),
)

manual_visit = Table(
    "manual_visit",
    metadata,
    hot_tenant(),
    *required(Uuid, "id", "presence"),
    *required(Text, "staff", "recipient", "household"),
    *required(INSTANT, "started_at", "ended_at"),
    Column("interventions", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("note", Text),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("municipality_id", "id"),
    UniqueConstraint("municipality_id", "presence", name="manual_visit_presence"),
    CheckConstraint("ended_at > started_at", name="manual_visit_ends_after_start"),
    CheckConstraint("reason <> 'other' OR note IS NOT NULL", name="manual_visit_other_has_a_note"),
    Index("manual_visit_staff_at", "municipality_id", "staff", "started_at"),
)

presence = Table(
    "presence",
    metadata,
    hot_tenant(),
    Column("id", Uuid, nullable=False),
    *required(Text, "person", "staff", "household"),
    *required(INSTANT, "anchor_at", "reach_at"),
    *optional(INSTANT, "started_at", "ended_at", "closed_at"),
    Column("state", Text, nullable=False),
    *optional(Uuid, "in_tap", "out_tap"),
    *optional(Text, "evidence_in", "evidence_out", "dispute_in", "dispute_out"),
    *required(ARRAY(Text), "flags_in", "flags_out"),
    Column("side_taps", JSONB),
    Column("next_in_at", INSTANT),
    Column("spans", ARRAY(INSTANT)),
    Column("overlap", Boolean, nullable=False),
    Column("paired_by", Text),
    Column("paired_at", INSTANT),
    Column("paired", JSONB),
    PrimaryKeyConstraint("municipality_id", "id"),
    one_of("state", PresenceState, "presence_state_check"),
    CheckConstraint("ended_at >= started_at", name="presence_ends_after_start"),
    CheckConstraint("started_at IS NOT NULL OR ended_at IS NOT NULL", name="presence_has_a_boundary"),
    Index("presence_person", "municipality_id", "person", "anchor_at"),
    Index("presence_household", "municipality_id", "household", "anchor_at"),
    Index(
        "presence_paired",
        "municipality_id",
        "paired_by",
        "paired_at",
        postgresql_where=text("paired_by IS NOT NULL"),
    ),
)

visit = Table(
    "visit",
    metadata,
    hot_tenant(),
    Column("presence", Uuid, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("group_id", Uuid, nullable=False),
    Column("provider", Text),
    *required(Text, "staff", "person"),
    Column("role", Text),
    Column("household", Text, nullable=False),
    *optional(Uuid, "in_tap", "out_tap"),
    Column("anchor_at", INSTANT, nullable=False),
    *optional(INSTANT, "started_at", "ended_at"),
    Column("provisional", Boolean, nullable=False),
    Column("local_on", Date, nullable=False),
    Column("status", Text, nullable=False),
    Column("payable", Boolean, nullable=False),
    *optional(Text, "evidence_in", "evidence_out"),
    *required(Integer, "presence_seconds", "seconds"),
    Column("spans", ARRAY(INSTANT)),
    *required(ARRAY(Text), "share_category", "share_intervention", "share_line"),
    Column("share_seconds", ARRAY(Integer), nullable=False),
    Column("share_payable", ARRAY(Boolean), nullable=False),
    *required(ARRAY(Text), "share_reason", "anomalies"),
    Column("suggestions", JSONB),
    Column("anomaly_states", JSONB),
    Column("corrections", ARRAY(Uuid)),
    Column("declined", JSONB),
    Column("noted", Uuid),
    PrimaryKeyConstraint("municipality_id", "presence", "recipient", deferrable=True, initially="IMMEDIATE"),
    CheckConstraint("version > 0", name="visit_version_check"),
    one_of("status", Status, "visit_status_check"),
    CheckConstraint("presence_seconds >= 0", name="visit_presence_seconds_check"),
    CheckConstraint("seconds BETWEEN 0 AND presence_seconds", name="visit_check"),
    UniqueConstraint("municipality_id", "id", name="visit_public_id"),
    CheckConstraint("status = 'complete' OR presence_seconds = 0", name="visit_seconds_only_when_complete"),
    CheckConstraint(
        "status <> 'complete' OR (evidence_in IS NOT NULL AND evidence_out IS NOT NULL)",
        name="visit_complete_has_evidence",
    ),
    Index("visit_sort", "municipality_id", "anchor_at", "id"),
    Index("visit_recipient", "municipality_id", "recipient", "anchor_at"),
    Index("visit_staff", "municipality_id", "staff", "anchor_at"),
    Index(
        "visit_anomalies",
        "municipality_id",
        "anchor_at",
        "id",
        postgresql_where=text("cardinality(anomalies) > 0"),
        postgresql_include=["provider", "anomalies", "anomaly_states"],
    ),
)

visit_change = Table(
    "visit_change",
    metadata,
    hot_tenant(),
    Column("no", BigInteger, nullable=False),
    Column("visit", Uuid, nullable=False),
    Column("gone", Boolean, nullable=False, server_default=text("false")),
    Column("mac", LargeBinary),
    PrimaryKeyConstraint("municipality_id", "no"),
)

withdrawn_visit = Table(
    "withdrawn_visit",
    metadata,
    hot_tenant(),
    Column("id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("provider", Text),
    Column("staff", Text, nullable=False),
    Column("replaced_by", Uuid),
    Column("mac", LargeBinary),
    PrimaryKeyConstraint("municipality_id", "id"),
)

month_sum = Table(
    "month_sum",
    metadata,
    hot_tenant(),
    Column("month", Date, nullable=False),
    *required(Text, "recipient", "provider", "category", "intervention", "order_line"),
    *required(BigInteger, "executed_seconds", "payable_seconds"),
    *required(
        Integer,
        "visits",
        "visits_category",
        "visits_intervention",
        "visits_line",
        "manual",
        "manual_category",
        "manual_intervention",
        "manual_line",
        "static",
        "static_category",
        "static_intervention",
        "static_line",
        "sun_late",
        "sun_late_category",
        "sun_late_intervention",
        "sun_late_line",
        "off_site",
        "off_site_category",
        "off_site_intervention",
        "off_site_line",
        "system_down",
        "system_down_category",
        "system_down_intervention",
        "system_down_line",
    ),
    PrimaryKeyConstraint("municipality_id", "month", "recipient", "provider", "category", "intervention", "order_line"),
)

anomaly_count = Table(
    "anomaly_count",
    metadata,
    hot_tenant(),
    *required(Text, "provider", "code", "state"),
    Column("month", Date, nullable=False),
    Column("found", Integer, nullable=False),
    PrimaryKeyConstraint("municipality_id", "provider", "code", "state", "month"),
)

period_close = Table(
    "period_close",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("provider", Text, nullable=False),
    Column("month", Date, nullable=False),
    Column("closed_at", INSTANT, nullable=False),
    Column("closed_by", Text, nullable=False),
    *required(BigInteger, "change_no", "master_seq"),
    Column("accepted", ARRAY(Text), nullable=False),
    Column("line_count", Integer, nullable=False),
    Column("total_ore", BigInteger, nullable=False),
    Column("lines_hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("municipality_id", "provider", "month"),
    UniqueConstraint("municipality_id", "id", name="period_close_one_a_fact"),
    CheckConstraint("extract(day FROM month) = 1", name="period_close_whole_month"),
)

period_line = Table(
    "period_line",
    metadata,
    hot_tenant(),
    Column("provider", Text, nullable=False),
    Column("month", Date, nullable=False),
    Column("line_no", Integer, nullable=False),
    Column("of_month", Date, nullable=False),
    Column("amount_ore", BigInteger, nullable=False),
    Column("body", JSONB, nullable=False),
    PrimaryKeyConstraint("municipality_id", "provider", "month", "line_no"),
    Index("period_line_settles", "municipality_id", "provider", "of_month"),
)
