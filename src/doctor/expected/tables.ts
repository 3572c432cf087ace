/** Made by `UPDATE_EXPECTED=1`. */
export const expectedTables: Readonly<Record<string, string>> = { delegations: '' };
