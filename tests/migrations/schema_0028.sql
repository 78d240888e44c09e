-- The schema of revision 0028, the last before there was one migration for each room, as pg_dump writes it: without
-- comments and the superuser's name. One check has the words it was made with: what is written of a BETWEEN is read back
-- with other brackets.
SET check_function_bodies = false;
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
CREATE FUNCTION keep_read() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.tag, OLD.epoch, OLD.counter, OLD.tap, OLD.phone)
        <> (NEW.tag, NEW.epoch, NEW.counter, NEW.tap, NEW.phone) THEN
        RAISE EXCEPTION 'a counter that was told of stays so' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
ALTER FUNCTION keep_read() OWNER TO taggad_owner;
CREATE FUNCTION municipalities() RETURNS SETOF integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public'
    AS $$SELECT municipality_id FROM municipality ORDER BY 1$$;
ALTER FUNCTION municipalities() OWNER TO taggad_owner;
CREATE FUNCTION municipality_of_code(digest bytea) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public'
    AS $$SELECT municipality_id FROM enrolment WHERE code_digest = digest AND expires_at > now()$$;
ALTER FUNCTION municipality_of_code(digest bytea) OWNER TO taggad_owner;
CREATE FUNCTION municipality_of_device(device text) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public'
    AS $$SELECT municipality_id FROM record WHERE kind = 'devices' AND ref = device AND version = 1$$;
ALTER FUNCTION municipality_of_device(device text) OWNER TO taggad_owner;
CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'a stored fact is never changed' USING ERRCODE = 'integrity_constraint_violation';
END $$;
ALTER FUNCTION refuse_change() OWNER TO taggad_owner;
CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE anomaly_count (
    municipality_id integer NOT NULL,
    provider text NOT NULL,
    code text NOT NULL,
    state text NOT NULL,
    month date NOT NULL,
    found integer NOT NULL
);
ALTER TABLE ONLY anomaly_count FORCE ROW LEVEL SECURITY;
ALTER TABLE anomaly_count OWNER TO taggad_owner;
CREATE TABLE attempt (
    municipality_id integer NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    item_id uuid,
    staff text NOT NULL,
    device text,
    received_at timestamp with time zone NOT NULL,
    code text NOT NULL,
    body_hash bytea NOT NULL,
    claim jsonb NOT NULL,
    CONSTRAINT attempt_kind_check CHECK ((kind = ANY (ARRAY['tap'::text, 'report'::text])))
);
ALTER TABLE ONLY attempt FORCE ROW LEVEL SECURITY;
ALTER TABLE attempt OWNER TO taggad_owner;
CREATE TABLE attempt_count (
    municipality_id integer NOT NULL,
    staff text NOT NULL,
    counted_on date NOT NULL,
    items integer NOT NULL
);
ALTER TABLE ONLY attempt_count FORCE ROW LEVEL SECURITY;
ALTER TABLE attempt_count OWNER TO taggad_owner;
CREATE TABLE care_order (
    municipality_id integer NOT NULL,
    ref text NOT NULL,
    recipient text NOT NULL,
    provider text NOT NULL,
    valid daterange NOT NULL,
    in_force datemultirange NOT NULL,
    part integer NOT NULL,
    CONSTRAINT care_order_in_force_within_valid CHECK ((in_force <@ datemultirange(valid))),
    CONSTRAINT care_order_valid_check CHECK ((NOT isempty(valid)))
);
ALTER TABLE ONLY care_order FORCE ROW LEVEL SECURITY;
ALTER TABLE care_order OWNER TO taggad_owner;
CREATE TABLE contract (
    municipality_id integer NOT NULL,
    ref text NOT NULL,
    provider text NOT NULL,
    valid daterange NOT NULL,
    CONSTRAINT contract_valid_check CHECK ((NOT isempty(valid)))
);
ALTER TABLE ONLY contract FORCE ROW LEVEL SECURITY;
ALTER TABLE contract OWNER TO taggad_owner;
CREATE TABLE correction (
    municipality_id integer NOT NULL,
    id uuid NOT NULL,
    seq bigint NOT NULL,
    tap uuid NOT NULL,
    staff text NOT NULL,
    at timestamp with time zone NOT NULL,
    recipient text,
    kind text NOT NULL,
    body jsonb NOT NULL,
    seen uuid[] NOT NULL,
    before jsonb NOT NULL,
    reason text NOT NULL,
    note text,
    recorded_by text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    body_hash bytea NOT NULL,
    CONSTRAINT correction_kind_check CHECK ((kind = ANY (ARRAY['set_start'::text, 'set_end'::text, 'set_interventions'::text, 'set_staff'::text, 'set_recipient'::text, 'omit'::text, 'restore'::text, 'acknowledge'::text, 'resolve'::text, 'settle_dispute'::text, 'attest'::text, 'undo'::text]))),
    CONSTRAINT correction_of_a_visit CHECK (((recipient IS NOT NULL) OR (kind = 'settle_dispute'::text))),
    CONSTRAINT correction_other_has_a_note CHECK (((reason <> 'other'::text) OR (note IS NOT NULL)))
);
ALTER TABLE ONLY correction FORCE ROW LEVEL SECURITY;
ALTER TABLE correction OWNER TO taggad_owner;
CREATE TABLE enrolment (
    municipality_id integer NOT NULL,
    code_digest bytea NOT NULL,
    staff text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    mac bytea
);
ALTER TABLE ONLY enrolment FORCE ROW LEVEL SECURITY;
ALTER TABLE enrolment OWNER TO taggad_owner;
CREATE TABLE intervention_version (
    municipality_id integer NOT NULL,
    ref text NOT NULL,
    valid daterange NOT NULL,
    category text NOT NULL,
    standard_minutes integer NOT NULL,
    CONSTRAINT intervention_version_category_check CHECK ((category = ANY (ARRAY['SERVICE'::text, 'CARE'::text, 'DELEGATED_HSL'::text, 'ALARM'::text, 'LICENSED_HSL'::text, 'MEAL'::text]))),
    CONSTRAINT intervention_version_standard_minutes_check CHECK ((standard_minutes >= 0)),
    CONSTRAINT intervention_version_valid_check CHECK ((NOT isempty(valid)))
);
ALTER TABLE ONLY intervention_version FORCE ROW LEVEL SECURITY;
ALTER TABLE intervention_version OWNER TO taggad_owner;
CREATE TABLE keyset_key (
    municipality_id integer NOT NULL,
    keyset text NOT NULL,
    meta_key_sealed bytea NOT NULL,
    file_master_sealed bytea NOT NULL
);
ALTER TABLE ONLY keyset_key FORCE ROW LEVEL SECURITY;
ALTER TABLE keyset_key OWNER TO taggad_owner;
CREATE TABLE ledger_head (
    municipality_id integer NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    CONSTRAINT ledger_head_root_check CHECK ((octet_length(root) = 32)),
    CONSTRAINT ledger_head_size_check CHECK ((size >= 0))
);
ALTER TABLE ONLY ledger_head FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger_head OWNER TO taggad_owner;
CREATE TABLE ledger_leaf (
    municipality_id integer NOT NULL,
    leaf_index bigint NOT NULL,
    kind text NOT NULL,
    fact uuid NOT NULL,
    salt bytea NOT NULL,
    leaf bytea NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT ledger_leaf_leaf_check CHECK ((octet_length(leaf) = 32)),
    CONSTRAINT ledger_leaf_leaf_index_check CHECK ((leaf_index >= 0))
);
ALTER TABLE ONLY ledger_leaf FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger_leaf OWNER TO taggad_owner;
CREATE TABLE ledger_tile (
    municipality_id integer NOT NULL,
    level integer NOT NULL,
    no bigint NOT NULL,
    hashes bytea NOT NULL,
    CONSTRAINT ledger_tile_hashes_check CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0)
);
ALTER TABLE ONLY ledger_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
ALTER TABLE ONLY ledger_tile FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger_tile OWNER TO taggad_owner;
CREATE TABLE manual_visit (
    municipality_id integer NOT NULL,
    id uuid NOT NULL,
    presence uuid NOT NULL,
    staff text NOT NULL,
    recipient text NOT NULL,
    household text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    interventions jsonb NOT NULL,
    reason text NOT NULL,
    note text,
    recorded_by text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    body_hash bytea NOT NULL,
    CONSTRAINT manual_visit_ends_after_start CHECK ((ended_at > started_at)),
    CONSTRAINT manual_visit_other_has_a_note CHECK (((reason <> 'other'::text) OR (note IS NOT NULL)))
);
ALTER TABLE ONLY manual_visit FORCE ROW LEVEL SECURITY;
ALTER TABLE manual_visit OWNER TO taggad_owner;
CREATE TABLE month_sum (
    municipality_id integer NOT NULL,
    month date NOT NULL,
    recipient text NOT NULL,
    provider text NOT NULL,
    category text NOT NULL,
    intervention text NOT NULL,
    order_line text NOT NULL,
    executed_seconds bigint NOT NULL,
    payable_seconds bigint NOT NULL,
    visits integer NOT NULL,
    visits_category integer NOT NULL,
    visits_intervention integer NOT NULL,
    visits_line integer NOT NULL,
    manual integer NOT NULL,
    manual_category integer NOT NULL,
    manual_intervention integer NOT NULL,
    manual_line integer NOT NULL,
    static integer NOT NULL,
    static_category integer NOT NULL,
    static_intervention integer NOT NULL,
    static_line integer NOT NULL,
    sun_late integer NOT NULL,
    sun_late_category integer NOT NULL,
    sun_late_intervention integer NOT NULL,
    sun_late_line integer NOT NULL,
    off_site integer NOT NULL,
    off_site_category integer NOT NULL,
    off_site_intervention integer NOT NULL,
    off_site_line integer NOT NULL,
    system_down integer NOT NULL,
    system_down_category integer NOT NULL,
    system_down_intervention integer NOT NULL,
    system_down_line integer NOT NULL
);
ALTER TABLE ONLY month_sum FORCE ROW LEVEL SECURITY;
ALTER TABLE month_sum OWNER TO taggad_owner;
CREATE TABLE municipality (
    municipality_id integer NOT NULL,
    name text NOT NULL,
    as_of timestamp with time zone NOT NULL,
    master_seq bigint DEFAULT 0 NOT NULL,
    change_no bigint DEFAULT 0 NOT NULL,
    lookup_mark bytea,
    epoch uuid DEFAULT gen_random_uuid() NOT NULL,
    leafless boolean DEFAULT false NOT NULL,
    mac bytea,
    CONSTRAINT municipality_municipality_id_check CHECK ((municipality_id > 0))
);
ALTER TABLE ONLY municipality FORCE ROW LEVEL SECURITY;
ALTER TABLE municipality OWNER TO taggad_owner;
CREATE TABLE order_line (
    municipality_id integer NOT NULL,
    order_ref text NOT NULL,
    ref text NOT NULL,
    line_no integer NOT NULL,
    intervention text NOT NULL,
    standard_minutes integer,
    frequency integer NOT NULL,
    period integer NOT NULL,
    period_unit text NOT NULL,
    staff_count integer NOT NULL,
    part integer NOT NULL,
    CONSTRAINT order_line_frequency_check CHECK ((frequency >= 0)),
    CONSTRAINT order_line_period_check CHECK ((period > 0)),
    CONSTRAINT order_line_period_unit_check CHECK ((period_unit = ANY (ARRAY['d'::text, 'wk'::text, 'mo'::text]))),
    CONSTRAINT order_line_staff_count_check CHECK ((staff_count > 0)),
    CONSTRAINT order_line_standard_minutes_check CHECK ((standard_minutes >= 0))
);
ALTER TABLE ONLY order_line FORCE ROW LEVEL SECURITY;
ALTER TABLE order_line OWNER TO taggad_owner;
CREATE TABLE period_close (
    municipality_id integer NOT NULL,
    id uuid NOT NULL,
    provider text NOT NULL,
    month date NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    closed_by text NOT NULL,
    change_no bigint NOT NULL,
    master_seq bigint NOT NULL,
    accepted text[] NOT NULL,
    line_count integer NOT NULL,
    total_ore bigint NOT NULL,
    lines_hash bytea NOT NULL,
    CONSTRAINT period_close_whole_month CHECK ((EXTRACT(day FROM month) = (1)::numeric))
);
ALTER TABLE ONLY period_close FORCE ROW LEVEL SECURITY;
ALTER TABLE period_close OWNER TO taggad_owner;
CREATE TABLE period_line (
    municipality_id integer NOT NULL,
    provider text NOT NULL,
    month date NOT NULL,
    line_no integer NOT NULL,
    of_month date NOT NULL,
    amount_ore bigint NOT NULL,
    body jsonb NOT NULL
);
ALTER TABLE ONLY period_line FORCE ROW LEVEL SECURITY;
ALTER TABLE period_line OWNER TO taggad_owner;
CREATE TABLE phone_clock (
    municipality_id integer NOT NULL,
    phone text NOT NULL,
    wall_shift interval NOT NULL,
    booted_at timestamp with time zone,
    mac bytea
);
ALTER TABLE ONLY phone_clock FORCE ROW LEVEL SECURITY;
ALTER TABLE phone_clock OWNER TO taggad_owner;
CREATE TABLE presence (
    municipality_id integer NOT NULL,
    id uuid NOT NULL,
    person text NOT NULL,
    staff text NOT NULL,
    household text NOT NULL,
    anchor_at timestamp with time zone NOT NULL,
    reach_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    closed_at timestamp with time zone,
    state text NOT NULL,
    in_tap uuid,
    out_tap uuid,
    evidence_in text,
    evidence_out text,
    dispute_in text,
    dispute_out text,
    flags_in text[] NOT NULL,
    flags_out text[] NOT NULL,
    side_taps jsonb,
    next_in_at timestamp with time zone,
    spans timestamp with time zone[],
    overlap boolean NOT NULL,
    paired_by text,
    paired_at timestamp with time zone,
    paired jsonb,
    CONSTRAINT presence_ends_after_start CHECK ((ended_at >= started_at)),
    CONSTRAINT presence_has_a_boundary CHECK (((started_at IS NOT NULL) OR (ended_at IS NOT NULL))),
    CONSTRAINT presence_state_check CHECK ((state = ANY (ARRAY['open'::text, 'incomplete'::text, 'complete'::text, 'omitted'::text])))
) WITH (fillfactor='85');
ALTER TABLE ONLY presence FORCE ROW LEVEL SECURITY;
ALTER TABLE presence OWNER TO taggad_owner;
CREATE TABLE provider (
    municipality_id integer NOT NULL,
    ref text NOT NULL,
    form text NOT NULL,
    CONSTRAINT provider_form_check CHECK ((form = ANY (ARRAY['in_house'::text, 'external'::text, 'external_vat'::text])))
);
ALTER TABLE ONLY provider FORCE ROW LEVEL SECURITY;
ALTER TABLE provider OWNER TO taggad_owner;
CREATE TABLE recipient_identity (
    municipality_id integer NOT NULL,
    ref text NOT NULL,
    number_sealed bytea NOT NULL,
    number_digest bytea NOT NULL
);
ALTER TABLE ONLY recipient_identity FORCE ROW LEVEL SECURITY;
ALTER TABLE recipient_identity OWNER TO taggad_owner;
CREATE TABLE recipient_version (
    municipality_id integer NOT NULL,
    ref text NOT NULL,
    valid daterange NOT NULL,
    household text NOT NULL,
    area text NOT NULL,
    birth_date date,
    died_on date,
    protected boolean NOT NULL,
    CONSTRAINT recipient_version_area_check CHECK ((area = ANY (ARRAY['URBAN'::text, 'RURAL'::text, 'ARCHIPELAGO'::text]))),
    CONSTRAINT recipient_version_valid_check CHECK ((NOT isempty(valid)))
);
ALTER TABLE ONLY recipient_version FORCE ROW LEVEL SECURITY;
ALTER TABLE recipient_version OWNER TO taggad_owner;
CREATE TABLE record (
    municipality_id integer NOT NULL,
    kind text NOT NULL,
    ref text NOT NULL,
    version integer NOT NULL,
    seq bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    removed boolean DEFAULT false NOT NULL,
    body jsonb NOT NULL,
    CONSTRAINT record_version_check CHECK ((version > 0))
);
ALTER TABLE ONLY record FORCE ROW LEVEL SECURITY;
ALTER TABLE record OWNER TO taggad_owner;
CREATE TABLE report (
    municipality_id integer NOT NULL,
    id uuid NOT NULL,
    staff text NOT NULL,
    device text,
    tap uuid NOT NULL,
    reported_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    outcome text NOT NULL,
    interventions jsonb NOT NULL,
    note text,
    body_hash bytea NOT NULL,
    sent_at timestamp with time zone,
    CONSTRAINT report_outcome_check CHECK ((outcome = ANY (ARRAY['performed'::text, 'declined'::text, 'no_answer'::text])))
);
ALTER TABLE ONLY report FORCE ROW LEVEL SECURITY;
ALTER TABLE report OWNER TO taggad_owner;
CREATE TABLE spent_assertion (
    municipality_id integer NOT NULL,
    device text NOT NULL,
    jti_digest bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY spent_assertion FORCE ROW LEVEL SECURITY;
ALTER TABLE spent_assertion OWNER TO taggad_owner;
CREATE TABLE staff_version (
    municipality_id integer NOT NULL,
    ref text NOT NULL,
    valid daterange NOT NULL,
    person text NOT NULL,
    provider text NOT NULL,
    role text NOT NULL,
    CONSTRAINT staff_version_valid_check CHECK ((NOT isempty(valid)))
);
ALTER TABLE ONLY staff_version FORCE ROW LEVEL SECURITY;
ALTER TABLE staff_version OWNER TO taggad_owner;
CREATE TABLE tag (
    municipality_id integer NOT NULL,
    ref text NOT NULL,
    kind text NOT NULL,
    uid text NOT NULL,
    CONSTRAINT tag_kind_check CHECK ((kind = ANY (ARRAY['ntag424'::text, 'static'::text])))
);
ALTER TABLE ONLY tag FORCE ROW LEVEL SECURITY;
ALTER TABLE tag OWNER TO taggad_owner;
CREATE TABLE tag_mount (
    municipality_id integer NOT NULL,
    tag text NOT NULL,
    household text NOT NULL,
    mounted tstzrange NOT NULL,
    hung_by text,
    CONSTRAINT tag_mount_mounted_check CHECK ((NOT isempty(mounted)))
);
ALTER TABLE ONLY tag_mount FORCE ROW LEVEL SECURITY;
ALTER TABLE tag_mount OWNER TO taggad_owner;
CREATE TABLE tag_read (
    municipality_id integer NOT NULL,
    tag text NOT NULL,
    epoch integer NOT NULL,
    counter integer NOT NULL,
    tap uuid NOT NULL,
    phone text NOT NULL,
    low_at timestamp with time zone NOT NULL,
    high_at timestamp with time zone NOT NULL,
    reached_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY tag_read FORCE ROW LEVEL SECURITY;
ALTER TABLE tag_read OWNER TO taggad_owner;
CREATE TABLE tap (
    municipality_id integer NOT NULL,
    id uuid NOT NULL,
    staff text NOT NULL,
    device text,
    direction text NOT NULL,
    at timestamp with time zone NOT NULL,
    tapped_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    tag text,
    household text,
    reason text,
    note text,
    evidence text NOT NULL,
    verdict text NOT NULL,
    code text,
    flags text[] NOT NULL,
    body_hash bytea NOT NULL,
    epoch integer,
    counter integer,
    CONSTRAINT tap_counter_of_an_epoch CHECK (((epoch IS NULL) = (counter IS NULL))),
    CONSTRAINT tap_direction_check CHECK ((direction = ANY (ARRAY['in'::text, 'out'::text, 'auto'::text, 'control'::text]))),
    CONSTRAINT tap_not_after_receipt CHECK ((at <= received_at)),
    CONSTRAINT tap_tag_or_household CHECK (((tag IS NULL) <> (household IS NULL))),
    CONSTRAINT tap_verdict_check CHECK ((verdict = ANY (ARRAY['accepted'::text, 'disputed'::text])))
);
ALTER TABLE ONLY tap FORCE ROW LEVEL SECURITY;
ALTER TABLE tap OWNER TO taggad_owner;
CREATE TABLE visit (
    municipality_id integer NOT NULL,
    presence uuid NOT NULL,
    recipient text NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    group_id uuid NOT NULL,
    provider text,
    staff text NOT NULL,
    person text NOT NULL,
    role text,
    household text NOT NULL,
    in_tap uuid,
    out_tap uuid,
    sort_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    provisional boolean NOT NULL,
    local_on date NOT NULL,
    status text NOT NULL,
    payable boolean NOT NULL,
    evidence_in text,
    evidence_out text,
    presence_seconds integer NOT NULL,
    seconds integer NOT NULL,
    spans timestamp with time zone[],
    share_category text[] NOT NULL,
    share_intervention text[] NOT NULL,
    share_line text[] NOT NULL,
    share_seconds integer[] NOT NULL,
    share_payable boolean[] NOT NULL,
    share_reason text[] NOT NULL,
    anomalies text[] NOT NULL,
    suggestions jsonb,
    settled jsonb,
    corrections uuid[],
    declined jsonb,
    noted uuid,
    CONSTRAINT visit_check CHECK (((seconds >= 0) AND (seconds <= presence_seconds))),
    CONSTRAINT visit_complete_has_evidence CHECK (((status <> 'complete'::text) OR ((evidence_in IS NOT NULL) AND (evidence_out IS NOT NULL)))),
    CONSTRAINT visit_presence_seconds_check CHECK ((presence_seconds >= 0)),
    CONSTRAINT visit_seconds_only_when_complete CHECK (((status = 'complete'::text) OR (presence_seconds = 0))),
    CONSTRAINT visit_status_check CHECK ((status = ANY (ARRAY['open'::text, 'incomplete'::text, 'complete'::text, 'declined'::text, 'no_answer'::text, 'omitted'::text, 'disputed'::text]))),
    CONSTRAINT visit_version_check CHECK ((version > 0))
) WITH (fillfactor='85');
ALTER TABLE ONLY visit FORCE ROW LEVEL SECURITY;
ALTER TABLE visit OWNER TO taggad_owner;
CREATE TABLE visit_change (
    municipality_id integer NOT NULL,
    no bigint NOT NULL,
    visit uuid NOT NULL,
    gone boolean DEFAULT false NOT NULL,
    mac bytea
);
ALTER TABLE ONLY visit_change FORCE ROW LEVEL SECURITY;
ALTER TABLE visit_change OWNER TO taggad_owner;
CREATE TABLE withdrawn_visit (
    municipality_id integer NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    provider text,
    staff text NOT NULL,
    replaced_by uuid,
    mac bytea
);
ALTER TABLE ONLY withdrawn_visit FORCE ROW LEVEL SECURITY;
ALTER TABLE withdrawn_visit OWNER TO taggad_owner;
ALTER TABLE ONLY alembic_version ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY anomaly_count ADD CONSTRAINT anomaly_count_pkey PRIMARY KEY (municipality_id, provider, code, state, month);
ALTER TABLE ONLY attempt_count ADD CONSTRAINT attempt_count_pkey PRIMARY KEY (municipality_id, staff);
ALTER TABLE ONLY attempt ADD CONSTRAINT attempt_once_a_body_and_code UNIQUE NULLS NOT DISTINCT (municipality_id, kind, item_id, body_hash, code);
ALTER TABLE ONLY attempt ADD CONSTRAINT attempt_pkey PRIMARY KEY (municipality_id, id);
ALTER TABLE ONLY care_order ADD CONSTRAINT care_order_pkey PRIMARY KEY (municipality_id, ref, part);
ALTER TABLE ONLY contract ADD CONSTRAINT contract_one_at_a_time EXCLUDE USING gist (municipality_id WITH =, provider WITH =, valid WITH &&);
ALTER TABLE ONLY contract ADD CONSTRAINT contract_pkey PRIMARY KEY (municipality_id, ref);
ALTER TABLE ONLY correction ADD CONSTRAINT correction_in_order UNIQUE (municipality_id, seq);
ALTER TABLE ONLY correction ADD CONSTRAINT correction_pkey PRIMARY KEY (municipality_id, id);
ALTER TABLE ONLY enrolment ADD CONSTRAINT enrolment_pkey PRIMARY KEY (municipality_id, code_digest);
ALTER TABLE ONLY intervention_version ADD CONSTRAINT intervention_version_pkey PRIMARY KEY (municipality_id, ref, valid WITHOUT OVERLAPS);
ALTER TABLE ONLY keyset_key ADD CONSTRAINT keyset_key_pkey PRIMARY KEY (municipality_id, keyset);
ALTER TABLE ONLY ledger_head ADD CONSTRAINT ledger_head_pkey PRIMARY KEY (municipality_id);
ALTER TABLE ONLY ledger_leaf ADD CONSTRAINT ledger_leaf_one_a_fact UNIQUE (municipality_id, fact, kind);
ALTER TABLE ONLY ledger_leaf ADD CONSTRAINT ledger_leaf_pkey PRIMARY KEY (municipality_id, leaf_index);
ALTER TABLE ONLY ledger_tile ADD CONSTRAINT ledger_tile_pkey PRIMARY KEY (municipality_id, level, no);
ALTER TABLE ONLY manual_visit ADD CONSTRAINT manual_visit_pkey PRIMARY KEY (municipality_id, id);
ALTER TABLE ONLY manual_visit ADD CONSTRAINT manual_visit_presence UNIQUE (municipality_id, presence);
ALTER TABLE ONLY month_sum ADD CONSTRAINT month_sum_pkey PRIMARY KEY (municipality_id, month, recipient, provider, category, intervention, order_line);
ALTER TABLE ONLY municipality ADD CONSTRAINT municipality_pkey PRIMARY KEY (municipality_id);
ALTER TABLE ONLY order_line ADD CONSTRAINT order_line_pkey PRIMARY KEY (municipality_id, order_ref, part, ref);
ALTER TABLE ONLY period_close ADD CONSTRAINT period_close_one_a_fact UNIQUE (municipality_id, id);
ALTER TABLE ONLY period_close ADD CONSTRAINT period_close_pkey PRIMARY KEY (municipality_id, provider, month);
ALTER TABLE ONLY period_line ADD CONSTRAINT period_line_pkey PRIMARY KEY (municipality_id, provider, month, line_no);
ALTER TABLE ONLY phone_clock ADD CONSTRAINT phone_clock_pkey PRIMARY KEY (municipality_id, phone);
ALTER TABLE ONLY presence ADD CONSTRAINT presence_pkey PRIMARY KEY (municipality_id, id);
ALTER TABLE ONLY provider ADD CONSTRAINT provider_pkey PRIMARY KEY (municipality_id, ref);
ALTER TABLE ONLY recipient_identity ADD CONSTRAINT recipient_identity_one_ref_a_number UNIQUE (municipality_id, number_digest);
ALTER TABLE ONLY recipient_identity ADD CONSTRAINT recipient_identity_pkey PRIMARY KEY (municipality_id, ref);
ALTER TABLE ONLY recipient_version ADD CONSTRAINT recipient_version_pkey PRIMARY KEY (municipality_id, ref, valid WITHOUT OVERLAPS);
ALTER TABLE ONLY record ADD CONSTRAINT record_municipality_id_seq_key UNIQUE (municipality_id, seq);
ALTER TABLE ONLY record ADD CONSTRAINT record_pkey PRIMARY KEY (municipality_id, kind, ref, version);
ALTER TABLE ONLY report ADD CONSTRAINT report_pkey PRIMARY KEY (municipality_id, id);
ALTER TABLE ONLY spent_assertion ADD CONSTRAINT spent_assertion_pkey PRIMARY KEY (municipality_id, device, jti_digest);
ALTER TABLE ONLY staff_version ADD CONSTRAINT staff_version_pkey PRIMARY KEY (municipality_id, ref, valid WITHOUT OVERLAPS);
ALTER TABLE ONLY tag_mount ADD CONSTRAINT tag_mount_one_household_at_a_time PRIMARY KEY (municipality_id, tag, mounted WITHOUT OVERLAPS);
ALTER TABLE ONLY tag ADD CONSTRAINT tag_one_ref_a_uid UNIQUE (municipality_id, uid);
ALTER TABLE ONLY tag ADD CONSTRAINT tag_pkey PRIMARY KEY (municipality_id, ref);
ALTER TABLE ONLY tag_read ADD CONSTRAINT tag_read_each_counter_once PRIMARY KEY (municipality_id, tag, epoch, counter);
ALTER TABLE ONLY tap ADD CONSTRAINT tap_pkey PRIMARY KEY (municipality_id, id);
ALTER TABLE ONLY visit_change ADD CONSTRAINT visit_change_pkey PRIMARY KEY (municipality_id, no);
ALTER TABLE ONLY visit ADD CONSTRAINT visit_pkey PRIMARY KEY (municipality_id, presence, recipient) DEFERRABLE;
ALTER TABLE ONLY visit ADD CONSTRAINT visit_public_id UNIQUE (municipality_id, id);
ALTER TABLE ONLY withdrawn_visit ADD CONSTRAINT withdrawn_visit_pkey PRIMARY KEY (municipality_id, id);
CREATE INDEX care_order_recipient ON care_order USING btree (municipality_id, recipient);
CREATE INDEX correction_staff_at ON correction USING btree (municipality_id, staff, at);
CREATE INDEX correction_tap ON correction USING btree (municipality_id, tap);
CREATE INDEX manual_visit_staff_at ON manual_visit USING btree (municipality_id, staff, started_at);
CREATE INDEX period_line_settles ON period_line USING btree (municipality_id, provider, of_month);
CREATE INDEX presence_household ON presence USING btree (municipality_id, household, anchor_at);
CREATE INDEX presence_paired ON presence USING btree (municipality_id, paired_by, paired_at) WHERE (paired_by IS NOT NULL);
CREATE INDEX presence_person ON presence USING btree (municipality_id, person, anchor_at);
CREATE INDEX recipient_version_household ON recipient_version USING btree (municipality_id, household);
CREATE INDEX report_tap ON report USING btree (municipality_id, tap);
CREATE INDEX staff_version_person ON staff_version USING btree (municipality_id, person);
CREATE INDEX tap_device_flagged ON tap USING btree (municipality_id, device, at) WHERE (cardinality(flags) > 0);
CREATE INDEX tap_disputed ON tap USING btree (municipality_id, at, id) WHERE (verdict = 'disputed'::text);
CREATE INDEX tap_flagged ON tap USING btree (municipality_id, staff, at) WHERE (cardinality(flags) > 0);
CREATE INDEX tap_staff_at ON tap USING btree (municipality_id, staff, at) WHERE (code IS DISTINCT FROM 'too_many'::text);
CREATE INDEX tap_tag_at ON tap USING btree (municipality_id, tag, at) WHERE (tag IS NOT NULL);
CREATE INDEX visit_anomalies ON visit USING btree (municipality_id, sort_at, id) INCLUDE (provider, anomalies, settled) WHERE (cardinality(anomalies) > 0);
CREATE INDEX visit_recipient ON visit USING btree (municipality_id, recipient, sort_at);
CREATE INDEX visit_sort ON visit USING btree (municipality_id, sort_at, id);
CREATE INDEX visit_staff ON visit USING btree (municipality_id, staff, sort_at);
CREATE TRIGGER stays BEFORE DELETE OR UPDATE ON attempt FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays BEFORE DELETE OR UPDATE ON correction FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays BEFORE DELETE OR UPDATE ON ledger_leaf FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays BEFORE DELETE OR UPDATE ON manual_visit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays BEFORE DELETE OR UPDATE ON period_close FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays BEFORE DELETE OR UPDATE ON period_line FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays BEFORE DELETE OR UPDATE ON record FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays BEFORE DELETE OR UPDATE ON report FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays BEFORE DELETE OR UPDATE ON tag_read FOR EACH ROW EXECUTE FUNCTION keep_read();
CREATE TRIGGER stays BEFORE DELETE OR UPDATE ON tap FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON attempt FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON correction FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON ledger_leaf FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON manual_visit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON period_close FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON period_line FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON record FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON report FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON tap FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE ONLY care_order ADD CONSTRAINT care_order_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY care_order ADD CONSTRAINT care_order_municipality_id_provider_fkey FOREIGN KEY (municipality_id, provider) REFERENCES public.provider(municipality_id, ref);
ALTER TABLE ONLY contract ADD CONSTRAINT contract_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY contract ADD CONSTRAINT contract_municipality_id_provider_fkey FOREIGN KEY (municipality_id, provider) REFERENCES public.provider(municipality_id, ref);
ALTER TABLE ONLY enrolment ADD CONSTRAINT enrolment_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY intervention_version ADD CONSTRAINT intervention_version_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY keyset_key ADD CONSTRAINT keyset_key_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY ledger_head ADD CONSTRAINT ledger_head_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY order_line ADD CONSTRAINT order_line_municipality_id_order_ref_part_fkey FOREIGN KEY (municipality_id, order_ref, part) REFERENCES public.care_order(municipality_id, ref, part) ON DELETE CASCADE;
ALTER TABLE ONLY period_close ADD CONSTRAINT period_close_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY provider ADD CONSTRAINT provider_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY recipient_identity ADD CONSTRAINT recipient_identity_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY recipient_version ADD CONSTRAINT recipient_version_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY record ADD CONSTRAINT record_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY spent_assertion ADD CONSTRAINT spent_assertion_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY staff_version ADD CONSTRAINT staff_version_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE ONLY staff_version ADD CONSTRAINT staff_version_municipality_id_provider_fkey FOREIGN KEY (municipality_id, provider) REFERENCES public.provider(municipality_id, ref);
ALTER TABLE ONLY tag_mount ADD CONSTRAINT tag_mount_municipality_id_tag_fkey FOREIGN KEY (municipality_id, tag) REFERENCES public.tag(municipality_id, ref) ON DELETE CASCADE;
ALTER TABLE ONLY tag ADD CONSTRAINT tag_municipality_id_fkey FOREIGN KEY (municipality_id) REFERENCES public.municipality(municipality_id);
ALTER TABLE anomaly_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempt_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE care_order ENABLE ROW LEVEL SECURITY;
CREATE POLICY codes ON enrolment FOR SELECT TO taggad_owner USING (true);
ALTER TABLE contract ENABLE ROW LEVEL SECURITY;
ALTER TABLE correction ENABLE ROW LEVEL SECURITY;
CREATE POLICY devices ON record FOR SELECT TO taggad_owner USING (((kind = 'devices'::text) AND (version = 1)));
ALTER TABLE enrolment ENABLE ROW LEVEL SECURITY;
ALTER TABLE intervention_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE keyset_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_leaf ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_tile ENABLE ROW LEVEL SECURITY;
ALTER TABLE manual_visit ENABLE ROW LEVEL SECURITY;
ALTER TABLE month_sum ENABLE ROW LEVEL SECURITY;
ALTER TABLE municipality ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE period_close ENABLE ROW LEVEL SECURITY;
ALTER TABLE period_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE phone_clock ENABLE ROW LEVEL SECURITY;
ALTER TABLE presence ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider ENABLE ROW LEVEL SECURITY;
ALTER TABLE recipient_identity ENABLE ROW LEVEL SECURITY;
ALTER TABLE recipient_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE record ENABLE ROW LEVEL SECURITY;
ALTER TABLE report ENABLE ROW LEVEL SECURITY;
ALTER TABLE spent_assertion ENABLE ROW LEVEL SECURITY;
ALTER TABLE staff_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE tag ENABLE ROW LEVEL SECURITY;
ALTER TABLE tag_mount ENABLE ROW LEVEL SECURITY;
ALTER TABLE tag_read ENABLE ROW LEVEL SECURITY;
ALTER TABLE tap ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON anomaly_count USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON attempt USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON attempt_count USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON care_order USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON contract USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON correction USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON enrolment USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON intervention_version USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON keyset_key USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON ledger_head USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON ledger_leaf USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON ledger_tile USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON manual_visit USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON month_sum USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON municipality USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON order_line USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON period_close USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON period_line USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON phone_clock USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON presence USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON provider USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON recipient_identity USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON recipient_version USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON record USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON report USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON spent_assertion USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON staff_version USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON tag USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON tag_mount USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON tag_read USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON tap USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON visit USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON visit_change USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenant ON withdrawn_visit USING ((municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer));
CREATE POLICY tenants ON municipality FOR SELECT TO taggad_owner USING (true);
ALTER TABLE visit ENABLE ROW LEVEL SECURITY;
ALTER TABLE visit_change ENABLE ROW LEVEL SECURITY;
ALTER TABLE withdrawn_visit ENABLE ROW LEVEL SECURITY;
GRANT ALL ON SCHEMA public TO taggad_owner;
GRANT USAGE ON SCHEMA public TO taggad_read;
GRANT USAGE ON SCHEMA public TO taggad_ingest;
GRANT USAGE ON SCHEMA public TO taggad_project;
GRANT USAGE ON SCHEMA public TO taggad_seal;
REVOKE ALL ON FUNCTION municipalities() FROM PUBLIC;
GRANT ALL ON FUNCTION municipalities() TO taggad_app;
REVOKE ALL ON FUNCTION municipality_of_code(digest bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION municipality_of_code(digest bytea) TO taggad_app;
REVOKE ALL ON FUNCTION municipality_of_device(device text) FROM PUBLIC;
GRANT ALL ON FUNCTION municipality_of_device(device text) TO taggad_app;
GRANT SELECT ON TABLE anomaly_count TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE anomaly_count TO taggad_project;
GRANT SELECT ON TABLE attempt TO taggad_read;
GRANT INSERT ON TABLE attempt TO taggad_ingest;
GRANT SELECT ON TABLE attempt_count TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE attempt_count TO taggad_project;
GRANT SELECT ON TABLE care_order TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE care_order TO taggad_project;
GRANT SELECT ON TABLE contract TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE contract TO taggad_project;
GRANT SELECT ON TABLE correction TO taggad_read;
GRANT INSERT ON TABLE correction TO taggad_ingest;
GRANT SELECT ON TABLE enrolment TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE enrolment TO taggad_project;
GRANT SELECT ON TABLE intervention_version TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE intervention_version TO taggad_project;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE keyset_key TO taggad_project;
GRANT SELECT ON TABLE ledger_head TO taggad_read;
GRANT INSERT,UPDATE ON TABLE ledger_head TO taggad_seal;
GRANT SELECT ON TABLE ledger_leaf TO taggad_read;
GRANT INSERT ON TABLE ledger_leaf TO taggad_ingest;
GRANT SELECT ON TABLE ledger_tile TO taggad_read;
GRANT INSERT,UPDATE ON TABLE ledger_tile TO taggad_seal;
GRANT SELECT ON TABLE manual_visit TO taggad_read;
GRANT INSERT ON TABLE manual_visit TO taggad_ingest;
GRANT SELECT ON TABLE month_sum TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE month_sum TO taggad_project;
GRANT SELECT ON TABLE municipality TO taggad_read;
GRANT INSERT ON TABLE municipality TO taggad_ingest;
GRANT UPDATE(as_of) ON TABLE municipality TO taggad_project;
GRANT UPDATE(master_seq) ON TABLE municipality TO taggad_project;
GRANT UPDATE(change_no) ON TABLE municipality TO taggad_project;
GRANT UPDATE(lookup_mark) ON TABLE municipality TO taggad_project;
GRANT UPDATE(leafless) ON TABLE municipality TO taggad_project;
GRANT UPDATE(mac) ON TABLE municipality TO taggad_project;
GRANT SELECT ON TABLE order_line TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE order_line TO taggad_project;
GRANT SELECT ON TABLE period_close TO taggad_read;
GRANT INSERT ON TABLE period_close TO taggad_ingest;
GRANT SELECT ON TABLE period_line TO taggad_read;
GRANT INSERT ON TABLE period_line TO taggad_ingest;
GRANT SELECT ON TABLE phone_clock TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE phone_clock TO taggad_project;
GRANT SELECT ON TABLE presence TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE presence TO taggad_project;
GRANT SELECT ON TABLE provider TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE provider TO taggad_project;
GRANT SELECT ON TABLE recipient_identity TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE recipient_identity TO taggad_project;
GRANT SELECT ON TABLE recipient_version TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE recipient_version TO taggad_project;
GRANT SELECT ON TABLE record TO taggad_read;
GRANT INSERT ON TABLE record TO taggad_ingest;
GRANT SELECT ON TABLE report TO taggad_read;
GRANT INSERT ON TABLE report TO taggad_ingest;
GRANT SELECT ON TABLE spent_assertion TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE spent_assertion TO taggad_project;
GRANT SELECT ON TABLE staff_version TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE staff_version TO taggad_project;
GRANT SELECT ON TABLE tag TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE tag TO taggad_project;
GRANT SELECT ON TABLE tag_mount TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE tag_mount TO taggad_project;
GRANT SELECT ON TABLE tag_read TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE tag_read TO taggad_project;
GRANT SELECT ON TABLE tap TO taggad_read;
GRANT INSERT ON TABLE tap TO taggad_ingest;
GRANT SELECT ON TABLE visit TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE visit TO taggad_project;
GRANT SELECT ON TABLE visit_change TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE visit_change TO taggad_project;
GRANT SELECT ON TABLE withdrawn_visit TO taggad_read;
GRANT INSERT,DELETE,UPDATE ON TABLE withdrawn_visit TO taggad_project;
INSERT INTO alembic_version VALUES ('0028');
