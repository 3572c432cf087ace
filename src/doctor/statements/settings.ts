import { column, nullable, parameter, statement } from '../../db/statement.ts';

/**
 * Settings as a session begins with them, in the unit that the server keeps them in. `role`: null for this session; otherwise another role that
 * may write delegations, for which ALTER ROLE, with or without IN DATABASE, sets something else.
 */
export function settingsStatement() {
  return statement({
    parameters: { names: parameter.texts, delegations: parameter.text },
    columns: {
      name: column.text('s.name'),
      value: column.text('s.value'),
      unit: nullable(column.text('s.unit')),
      role: nullable(column.text('s.role')),
    },
    sql: (columns) => `
WITH own AS (
  SELECT p.name, p.reset_val AS value, p.unit, NULL::text AS role FROM pg_catalog.pg_settings p WHERE p.name = ANY($names)),
others AS (
  SELECT pg_catalog.split_part(c.setting, '=', 1) AS name, pg_catalog.substr(c.setting, pg_catalog.strpos(c.setting, '=') + 1) AS value,
    NULL::text AS unit, r.rolname::text AS role
  FROM pg_catalog.pg_db_role_setting s
  JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c (setting)
  WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database()))
    AND r.rolname <> current_user AND r.rolcanlogin
    AND pg_catalog.has_any_column_privilege(r.oid, pg_catalog.to_regclass($delegations), 'INSERT, UPDATE'))
SELECT ${columns}
FROM (SELECT * FROM own UNION ALL SELECT * FROM others WHERE name = ANY($names)) s ORDER BY s.role NULLS FIRST, s.name`,
  });
}
