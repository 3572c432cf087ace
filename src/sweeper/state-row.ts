/** The one row of sweeper_state. @throws when it is lost. */
export function stateRow<Row>(row: Row | undefined): Row {
  if (!row)
    throw new Error('sweeper_state has lost its one row; run `migrate up` on a fresh schema, or insert it again');
  return row;
}
