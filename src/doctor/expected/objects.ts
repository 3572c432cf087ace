/** Made by `UPDATE_EXPECTED=1`. */
export const expectedObjects: Readonly<Record<string, string>> = {};
