-- A row in every table, as the constraints of revision 0028 let one be.
INSERT INTO municipality (municipality_id, name, as_of, master_seq, change_no, lookup_mark, leafless, mac)
VALUES (188, 'Norrtälje', '2026-10-01 12:00+02', 9, 3, '\x01', true, '\x02');
INSERT INTO record (municipality_id, kind, ref, version, seq, recorded_at, recorded_by, removed, body)
VALUES (188, 'devices', 'D-1', 1, 1, '2026-10-01 06:00+02', 'test', false, '{"staff": "S-07"}');
INSERT INTO provider (municipality_id, ref, form) VALUES (188, 'P-norr', 'external_vat');
INSERT INTO recipient_version (municipality_id, ref, valid, household, area, birth_date, died_on, protected)
VALUES (188, 'B-001', '[2020-01-01,2027-01-01)', 'H-1', 'ARCHIPELAGO', '1940-05-06', '2026-12-31', true);
INSERT INTO recipient_identity (municipality_id, ref, number_sealed, number_digest) VALUES (188, 'B-001', '\x03', '\x04');
INSERT INTO staff_version (municipality_id, ref, valid, person, provider, role)
VALUES (188, 'S-07', '[2020-01-01,)', 'S-07', 'P-norr', 'care_assistant');
INSERT INTO intervention_version (municipality_id, ref, valid, category, standard_minutes)
VALUES (188, 'I-1', '[2020-01-01,)', 'DELEGATED_HSL', 15);
INSERT INTO care_order (municipality_id, ref, recipient, provider, valid, in_force, part)
VALUES (188, 'O-1', 'B-001', 'P-norr', '[2020-01-01,2027-01-01)', '{[2020-01-01,2024-01-01),[2024-02-01,2027-01-01)}', 1);
INSERT INTO order_line (municipality_id, order_ref, ref, line_no, intervention, standard_minutes, frequency, period,
    period_unit, staff_count, part)
VALUES (188, 'O-1', 'L-1', 1, 'I-1', 20, 2, 1, 'wk', 1, 1);
INSERT INTO contract (municipality_id, ref, provider, valid) VALUES (188, 'C-1', 'P-norr', '[2020-01-01,)');
INSERT INTO tag (municipality_id, ref, kind, uid) VALUES (188, 'T-1', 'ntag424', '04A1B2C3D4E5F6');
INSERT INTO tag_mount (municipality_id, tag, household, mounted, hung_by)
VALUES (188, 'T-1', 'H-1', '["2026-09-01 08:00+02",)', 'P-norr');
INSERT INTO keyset_key (municipality_id, keyset, meta_key_sealed, file_master_sealed) VALUES (188, 'K-1', '\x05', '\x06');
INSERT INTO tap (municipality_id, id, staff, device, direction, at, tapped_at, received_at, tag, household, reason, note,
    evidence, verdict, code, flags, body_hash, epoch, counter)
VALUES (188, '00000000-0000-4000-8000-000000000001', 'S-07', 'D-1', 'control', '2026-10-01 08:00+02',
    '2026-10-01 08:00:05+02', '2026-10-01 08:01+02', 'T-1', NULL, 'tag_broken', 'note', 'sun', 'disputed', 'late',
    '{clock_ahead}', '\x07', 1, 17);
INSERT INTO tag_read (municipality_id, tag, epoch, counter, tap, phone, low_at, high_at, reached_at)
VALUES (188, 'T-1', 1, 17, '00000000-0000-4000-8000-000000000001', 'D-1', '2026-10-01 08:00+02', '2026-10-01 08:01+02',
    '2026-10-01 08:01+02');
INSERT INTO attempt (municipality_id, id, kind, item_id, staff, device, received_at, code, body_hash, claim)
VALUES (188, '00000000-0000-4000-8000-000000000002', 'report', NULL, 'S-07', 'D-1', '2026-10-01 08:02+02', 'malformed',
    '\x08', '{"a": [1]}');
INSERT INTO attempt_count (municipality_id, staff, counted_on, items) VALUES (188, 'S-07', '2026-10-01', 4);
INSERT INTO phone_clock (municipality_id, phone, wall_shift, booted_at, mac)
VALUES (188, 'D-1', '-00:01:30', '2026-10-01 05:00+02', '\x09');
INSERT INTO report (municipality_id, id, staff, device, tap, reported_at, received_at, outcome, interventions, note,
    body_hash, sent_at)
VALUES (188, '00000000-0000-4000-8000-000000000003', 'S-07', 'D-1', '00000000-0000-4000-8000-000000000001',
    '2026-10-01 08:20+02', '2026-10-01 08:21+02', 'performed', '["I-1"]', 'note', '\x0a', '2026-10-01 08:20+02');
INSERT INTO presence (municipality_id, id, person, staff, household, anchor_at, reach_at, started_at, ended_at, closed_at,
    state, in_tap, out_tap, evidence_in, evidence_out, dispute_in, dispute_out, flags_in, flags_out, side_taps, next_in_at,
    spans, overlap, paired_by, paired_at, paired)
VALUES (188, '00000000-0000-4000-8000-000000000001', 'S-07', 'S-07', 'H-1', '2026-10-01 08:00+02', '2026-10-01 08:20+02',
    '2026-10-01 08:00+02', '2026-10-01 08:20+02', '2026-10-01 08:21+02', 'complete',
    '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000004', 'sun', 'sun_late', 'late', NULL,
    '{clock_ahead}', '{}', '[]', '2026-10-01 09:00+02', '{"2026-10-01 08:00+02","2026-10-01 08:20+02"}', true, 'S-07',
    '2026-10-01 08:00+02', '{}');
INSERT INTO visit (municipality_id, presence, recipient, id, version, group_id, provider, staff, person, role, household,
    in_tap, out_tap, sort_at, started_at, ended_at, provisional, local_on, status, payable, evidence_in, evidence_out,
    presence_seconds, seconds, spans, share_category, share_intervention, share_line, share_seconds, share_payable,
    share_reason, anomalies, suggestions, settled, corrections, declined, noted)
VALUES (188, '00000000-0000-4000-8000-000000000001', 'B-001', '00000000-0000-4000-8000-000000000005', 2,
    '00000000-0000-4000-8000-000000000001', 'P-norr', 'S-07', 'S-07', 'care_assistant', 'H-1',
    '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000004', '2026-10-01 08:00+02',
    '2026-10-01 08:00+02', '2026-10-01 08:20+02', false, '2026-10-01', 'complete', true, 'disputed', 'sun_late', 1200, 900,
    '{"2026-10-01 08:00+02","2026-10-01 08:20+02"}', '{DELEGATED_HSL}', '{I-1}', '{L-1}', '{900}', '{t}', '{""}',
    '{overlap}', '{}', '{"overlap": "acknowledged"}', '{00000000-0000-4000-8000-000000000006}', '[]',
    '00000000-0000-4000-8000-000000000003');
INSERT INTO visit_change (municipality_id, no, visit, gone, mac)
VALUES (188, 3, '00000000-0000-4000-8000-000000000007', true, '\x0b');
INSERT INTO withdrawn_visit (municipality_id, id, version, provider, staff, replaced_by, mac)
VALUES (188, '00000000-0000-4000-8000-000000000007', 2, 'P-norr', 'S-07', '00000000-0000-4000-8000-000000000005', '\x0c');
INSERT INTO correction (municipality_id, id, seq, tap, staff, at, recipient, kind, body, seen, before, reason, note,
    recorded_by, recorded_at, body_hash)
VALUES (188, '00000000-0000-4000-8000-000000000006', 1, '00000000-0000-4000-8000-000000000001', 'S-07',
    '2026-10-01 08:00+02', 'B-001', 'undo', '{}', '{00000000-0000-4000-8000-000000000005}', '{}', 'other', 'note', 'test',
    '2026-10-01 10:00+02', '\x0d');
INSERT INTO manual_visit (municipality_id, id, presence, staff, recipient, household, started_at, ended_at, interventions,
    reason, note, recorded_by, recorded_at, body_hash)
VALUES (188, '00000000-0000-4000-8000-000000000008', '00000000-0000-4000-8000-000000000009', 'S-07', 'B-001', 'H-1',
    '2026-10-01 11:00+02', '2026-10-01 11:30+02', '["I-1"]', 'system_down', NULL, 'test', '2026-10-01 12:00+02', '\x0e');
INSERT INTO anomaly_count (municipality_id, provider, code, state, month, found)
VALUES (188, 'P-norr', 'overlap', 'acknowledged', '2026-10-01', 1);
INSERT INTO month_sum VALUES (188, '2026-10-01', 'B-001', 'P-norr', 'DELEGATED_HSL', 'I-1', 'L-1', 900, 901,
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24);
INSERT INTO period_close (municipality_id, id, provider, month, closed_at, closed_by, change_no, master_seq, accepted,
    line_count, total_ore, lines_hash)
VALUES (188, '00000000-0000-4000-8000-00000000000a', 'P-norr', '2026-09-01', '2026-10-01 12:00+02', 'test', 3, 9,
    '{overlap}', 1, 4200, '\x0f');
INSERT INTO period_line (municipality_id, provider, month, line_no, of_month, amount_ore, body)
VALUES (188, 'P-norr', '2026-09-01', 1, '2026-08-01', 4200, '{"kind": "hours"}');
INSERT INTO ledger_leaf (municipality_id, leaf_index, kind, fact, salt, leaf, mac)
VALUES (188, 0, 'tap', '00000000-0000-4000-8000-000000000001', '\x10', sha256('leaf'), '\x11');
INSERT INTO ledger_tile (municipality_id, level, no, hashes) VALUES (188, 0, 0, sha256('leaf'));
INSERT INTO ledger_head (municipality_id, size, root, note) VALUES (188, 1, sha256('leaf'), 'note');
INSERT INTO enrolment (municipality_id, code_digest, staff, expires_at, mac)
VALUES (188, '\x12', 'S-07', '2026-10-02 00:00+02', '\x13');
INSERT INTO spent_assertion (municipality_id, device, jti_digest, expires_at)
VALUES (188, 'D-1', '\x14', '2026-10-01 08:05+02');
