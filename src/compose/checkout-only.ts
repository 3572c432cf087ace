import { CommandError } from './command-error.ts';
import { exitCode } from './exit-code.ts';

/**
 * Loads code that is for development only: the package and the image do not contain the demo or an embedded PostgreSQL.
 * @throws CommandError (78) where it is missing: the message names `what`, and says what to do `instead`.
 */
export async function checkoutOnly<Module>(
  load: () => Promise<Module>,
  { what, instead }: { readonly what: string; readonly instead: string },
): Promise<Module> {
  try {
    return await load();
  } catch (err) {
    if ((err as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw err;
    throw new CommandError(
      exitCode.configuration,
      `${what} is part of a checkout of delegation-sweeper and not of this installation.\nWhat to do: ${instead}`,
      { cause: err },
    );
  }
}
