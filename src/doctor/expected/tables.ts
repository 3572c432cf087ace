/** The ledger's tables, with the storage settings that the migrations give them. Made by `UPDATE_EXPECTED=1 npm run -s test:unit -- test/doctor/expected`. */
export const expectedTables: Readonly<Record<string, string>> = {
  a2a_tasks: '',
  activity_logs: 'autovacuum_vacuum_insert_scale_factor=0.05, autovacuum_vacuum_insert_threshold=100000',
  delegations:
    'fillfactor=70, toast_tuple_target=256, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=20000, vacuum_index_cleanup=on, autovacuum_vacuum_insert_scale_factor=0.05, autovacuum_vacuum_insert_threshold=100000, autovacuum_analyze_scale_factor=0.02, autovacuum_analyze_threshold=5000',
  sweeper_advice: 'fillfactor=50',
  sweeper_advice_state: '',
  sweeper_daemons: 'fillfactor=50',
  sweeper_gaps: '',
  sweeper_holds: '',
  sweeper_lowerings: '',
  sweeper_notices: '',
  sweeper_retention: 'fillfactor=25',
  sweeper_state: 'fillfactor=25',
  sweeper_sweeps: '',
  sweeper_threshold: '',
};
