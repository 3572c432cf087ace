/** Links, forms, calculations and previews; what the keyboard has reached; paper. */
export const consoleStyle = `
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 2px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
main:focus { outline: none; }
.skip:focus { position: absolute; top: 8px; left: 8px; padding: 8px 12px; background: var(--card); z-index: 1; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; }
header nav { margin-left: auto; }
nav a, .buttons a { padding: 4px 0; min-height: 24px; }
[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none; }
.title { grid-column: span 12; }
.title h1 { font-size: 25px; font-weight: 650; line-height: 1.2; letter-spacing: -0.01em; }
h1 code { font-size: 0.72em; }
.verdict h1 > span { min-width: 0; overflow-wrap: anywhere; }
.verdict .why { font-size: 17px; }
.verdict.calm { --tone: var(--time); }
section > h2 + .facts { border-top: 0; padding-top: 0; }
.facts dd { overflow-wrap: anywhere; max-width: 72ch; }
.facts div { min-width: 0; }
.filters { display: flex; flex-wrap: wrap; gap: 12px 16px; align-items: start; }
.field { flex: 1 1 150px; min-width: 0; }
.field.wide { flex-basis: 100%; }
.field label { display: block; font-size: 12.5px; color: var(--soft); }
input, select, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: 6px; padding: 5px 9px; min-height: 36px; }
input, select { width: 100%; }
[aria-invalid] { border-color: var(--bad); border-width: 2px; }
.problem { color: var(--bad); font-size: 12.5px; overflow-wrap: anywhere; }
.buttons { flex-basis: 100%; display: flex; gap: 16px; align-items: center; }
button { font-weight: 600; padding: 5px 18px; cursor: pointer; }
.pager { margin-top: 14px; padding-top: 12px; border-top: 1px solid var(--line); font-weight: 600; }
.arithmetic { width: auto; max-width: 100%; margin-top: 14px; }
.arithmetic th, .arithmetic td { padding: 4px 18px 4px 0; border-top: 0; overflow-wrap: anywhere; }
.arithmetic .sum th, .arithmetic .sum td { border-top: 1px solid var(--line); font-weight: 650; }
.arithmetic td:last-child { color: var(--soft); }
.detail { display: block; overflow-wrap: anywhere; }
.preview { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
section > h3 { margin-top: 10px; }
section ul { padding-left: 20px; margin-top: 6px; }
section > table + table, section > p + table { margin-top: 10px; }
@media (max-width: 620px) {
  header nav { margin-left: 0; flex-basis: 100%; }
  .arithmetic, .arithmetic tbody, .arithmetic tr { display: block; width: 100%; }
  .arithmetic tr { display: flex; flex-wrap: wrap; gap: 0 12px; padding: 4px 0; }
  .arithmetic .sum { border-top: 1px solid var(--line); }
  .arithmetic th, .arithmetic td, .arithmetic .sum th, .arithmetic .sum td { padding: 0; border: 0; }
  .arithmetic th { flex: 1; }
  .arithmetic td:last-child { flex-basis: 100%; }
}
@media print {
  :root { color-scheme: light; --ground: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --link: #000;
    --good: #1e7a4c; --warn: #7a4e00; --bad: #b3261e; --stuck: #a83f12; --failed: #3a5296; }
  body { font-size: 11pt; }
  nav, form, .skip, .pager { display: none; }
  main { display: block; }
  section, .stack { margin-top: 10pt; break-inside: avoid-page; border-radius: 0; }
  tr { break-inside: avoid; }
  thead { display: table-header-group; }
}
`;
