import * as z from 'zod';
import type { CatalogueEvent } from '../../src/log/catalogue/event.ts';
import { catalogue } from '../../src/log/catalogue.ts';

interface FieldSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly anyOf?: readonly FieldSchema[];
  readonly description?: string;
  readonly unit?: string;
}

/** The catalogue as Markdown, for docs/observability.md. */
export function catalogueTable(): string {
  const sections = Object.entries<CatalogueEvent>(catalogue).map(([name, entry]) => section(name, entry));
  return sections.join('\n\n');
}

function section(name: string, { level, message, fields }: CatalogueEvent): string {
  const { properties = {} } = z.toJSONSchema(fields) as { properties?: Record<string, FieldSchema> };
  return [
    `### ${name}`,
    '',
    `\`${level}\`: ${message}.`,
    '',
    '| field | type | unit | meaning |',
    '|---|---|---|---|',
    ...Object.entries(properties).map(([field, schema]) => row(field, schema)),
  ].join('\n');
}

function row(field: string, schema: FieldSchema): string {
  const nested = schema.anyOf?.find((part) => part.description !== undefined || part.unit !== undefined);
  const meaning = schema.description ?? nested?.description ?? '';
  return `| ${field} | ${typeOf(schema)} | ${schema.unit ?? nested?.unit ?? ''} | ${meaning} |`;
}

function typeOf(schema: FieldSchema): string {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  return schema.enum?.map((choice) => `\`${choice}\``).join(', ') ?? [schema.type ?? []].flat().join(' or ');
}
