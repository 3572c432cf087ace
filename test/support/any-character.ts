import fc from 'fast-check';

const SURROGATES_FROM = 0xd8_00;
const SURROGATES = 0x8_00;

/** Any code point that text may have, as `unit: 'binary'` of fc.string(): that one takes seconds to list them first. */
export const anyCharacter = fc
  .integer({ min: 0, max: 0x10_ff_ff - SURROGATES })
  .map((n) => String.fromCodePoint(n < SURROGATES_FROM ? n : n + SURROGATES));
