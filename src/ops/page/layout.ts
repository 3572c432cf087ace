import { createHash } from 'node:crypto';
import type { Answer } from '../answer.ts';
import { consoleStyle } from './console-style.ts';
import { type Html, html, Html as Markup } from './html.ts';
import { pageStyle } from './style.ts';

/** What stands around the content of every page. */
export interface Layout {
  /** Of the browser's tab; the program's name is added. */
  readonly title: string;
  /** The page in the navigation that this one is; null for one that is not there itself. */
  readonly current: string | null;
  /** The navigation, where it is not that of one ledger. */
  readonly pages?: readonly { readonly path: string; readonly name: string }[];
  readonly main: Html;
  readonly footer: Html | string | null;
  readonly version: string;
}

const ledgerPages = [
  { path: '/', name: 'Status' },
  { path: '/delegations', name: 'Delegations' },
] as const;

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='%233f8f86' stroke-width='2.5'/%3E%3Cpath d='M8 8V3' stroke='%23c8501e' stroke-width='2.5'/%3E%3C/svg%3E";

/** The only style sheet, the same on every page. */
const style = `${pageStyle}${consoleStyle}`;

/** Allows the style sheet, by its hash, the icon, and forms that lead back here, and nothing else: no script, frame or request. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const headers = { 'content-security-policy': contentSecurityPolicy, 'referrer-policy': 'no-referrer' };

/** A page for people. `more`: headers in addition to those of every page. */
export function pageAnswer(status: number, layout: Layout, more: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    contentType: 'text/html; charset=utf-8',
    body: documentOf(layout),
    headers: { ...headers, ...more },
  };
}

/**
 * The same page of one ledger among many, whose pages stand below `path`: its links lead there, and its navigation back to
 * the overview. Text of users cannot be taken for a link, since its quotes are escaped.
 */
export function inLedger(answer: Answer, ledger: string, path: string): Answer {
  if (!answer.contentType.startsWith('text/html')) return answer;
  const body = answer.body
    .replaceAll(/ (href|action)="\//g, ` $1="${path}/`)
    .replace(NAVIGATION, `${NAVIGATION}<a href="/">All ledgers</a>`)
    .replace(PRODUCT, html`${new Markup(PRODUCT)}<p><b>${ledger}</b></p>`.text);
  return { ...answer, body };
}

const NAVIGATION = '<nav aria-label="Pages">';
const PRODUCT = '<p class="product">delegation-sweeper</p>';

function documentOf({ title, current, pages = ledgerPages, main, footer, version }: Layout): string {
  const links = pages.map(({ path, name }) =>
    path === current ? html`<a href="${path}" aria-current="page">${name}</a>` : html`<a href="${path}">${name}</a>`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · delegation-sweeper</title>
<link rel="icon" href="${new Markup(icon)}">
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>${new Markup(PRODUCT)}<p>${version}</p>${new Markup(NAVIGATION)}${links}</nav></header>
<main id="content" tabindex="-1">${main}</main>
<footer>${footer}</footer>
</body>
</html>
`.text;
}
