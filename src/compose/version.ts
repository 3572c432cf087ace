import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** The version in this package's package.json, which is the same file for src/ and dist/. */
export const version: string = JSON.parse(readFileSync(findPackageJSON(import.meta.url)!, 'utf8')).version;
