// The CSS of reports for light and dark screens and for paper. It avoids characters that XML needs escaped.
#pragma once

#include <string>
#include <string_view>

namespace sec::train {

extern const std::string_view report_colours;  // report/colours.css, which the pages of programs share

inline constexpr std::string_view report_rules = R"(
:root { --mm: 1.38mm; --hit: 35, 120, 110; --miss: 190, 60, 40; --good: #23786e; --train: #3568a8;
  --amber: #8a5a00; --amber-page: #fff3d6; --amber-line: #e0a92e }
@media (prefers-color-scheme: dark) { :root { --hit: 70, 170, 155; --miss: 225, 95, 75; --good: #5cc4b3; --train: #7fb0ec;
  --amber: #ffd37a; --amber-page: #33270c; --amber-line: #8a6a1e } }
* { box-sizing: border-box }
html { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif;
  -webkit-text-size-adjust: 100%; print-color-adjust: exact; -webkit-print-color-adjust: exact }
body { max-width: 1120px; margin: 0 auto; padding: 32px 24px 64px }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -.01em; overflow-wrap: anywhere }
h2 { font-size: 21px; margin: 44px 0 8px; padding-top: 14px; border-top: 1px solid var(--line) }
h3 { font-size: 16px; margin: 24px 0 8px } h4 { font-size: 15px; margin: 0 }
h3 .soft, h4 .soft { font-weight: 400 }
p { margin: 6px 0; max-width: 78ch } .plain { white-space: pre-line; overflow-wrap: anywhere }
.soft, .note, .of { color: var(--soft) } .note { font-size: 13px }
.kind { color: var(--accent); font-weight: 600; font-size: 13px; letter-spacing: .04em; margin: 0 0 4px }
.meta { color: var(--soft); max-width: none } .meta span + span::before { content: "\00B7"; margin: 0 6px 0 2px }
.banner { margin: 18px 0; padding: 14px 18px; border-radius: 8px; color: var(--amber); font-size: 16px;
  border: 2px solid var(--amber-line); background: repeating-linear-gradient(-45deg, var(--amber-page) 0 14px, transparent 14px 28px), var(--card) }
.warning { margin: 10px 0; padding: 8px 14px; border-left: 4px solid var(--amber-line); background: var(--amber-page); color: var(--amber); overflow-wrap: anywhere }
.leak { margin: 18px 0; padding: 14px 18px; border-radius: 8px; border: 2px solid #d0241a; background: #d0241a; color: #ffffff; font-size: 16px; overflow-wrap: anywhere }
.leak ul { margin: 8px 0 0; padding-left: 20px; max-height: 220px; overflow-y: auto; font-size: 14px }
.lead { font-size: 17px; margin: 22px 0 10px }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(124px, 1fr)); gap: 10px }
.tile, .card, .chart { background: var(--card); border: 1px solid var(--line); border-radius: 8px }
.tile { padding: 10px 14px 12px; display: flex; flex-direction: column }
.tile span, .tile small { color: var(--soft); font-size: 12.5px } .tile b { font-size: 27px; line-height: 1.25; font-variant-numeric: tabular-nums }
.tile i, .bar i { display: block; height: 4px; border-radius: 2px; margin-top: auto;
  background: linear-gradient(to right, var(--good) calc(var(--p) * 100%), var(--line) 0) }
.tile small { margin-bottom: 8px }
nav { margin: 22px 0 0; font-size: 14px } nav a { margin-right: 14px } a { color: var(--accent) }
.cards { display: flex; flex-wrap: wrap; gap: 14px; align-items: flex-start }
.card { flex: var(--columns) 1 calc(var(--columns) * 51px); min-width: 0; padding: 12px; container-type: inline-size; break-inside: avoid } .sums { margin: 0 0 10px }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px }
th, td { padding: 3px 8px; text-align: right } th { font-weight: 600 } thead th, thead td { color: var(--soft); font-weight: 500; font-size: 13px }
tbody th { text-align: left } .text { text-align: left }
.confusion { width: 100%; table-layout: fixed } .confusion th, .confusion td { text-align: center; padding: 3px 2px }
.confusion tbody td { border: 2px solid var(--card); border-radius: 4px; line-height: 1.25; padding: 5px 0; font-size: 13px } .confusion small { display: block; font-size: 11px; opacity: .8 }
.hit { background: rgba(var(--hit), calc(var(--p) * .5)) } .miss { background: rgba(var(--miss), calc(var(--p) * .6)) }
.sum { color: var(--soft) } .corner { font-size: 12px }
.range { white-space: nowrap } .aucs .range { display: block; font-size: 13px } .aucs td { vertical-align: baseline } .figures { width: 100%; margin-top: 10px; border-top: 1px solid var(--line) } .figures .bar { width: 30%; min-width: 40px } .figures th, .figures td { vertical-align: baseline }
@container (max-width: 400px) { .figures .bar, .figures thead td { display: none } } @container (max-width: 330px) { .figures .range { display: block; font-size: 12.5px } .figures th, .figures td { padding: 3px 5px } }
.bar { min-width: 70px } .bad i { background: linear-gradient(to right, rgba(var(--miss), .85) calc(var(--p) * 100%), transparent 0) }
.wide { overflow-x: auto } .records, .epochs { width: 100% } .records tbody tr, .epochs tbody tr { border-top: 1px solid var(--line) }
.records th, .records td { white-space: nowrap } .records .bar { width: 14% } .none { color: var(--line) }
.best { background: rgba(var(--hit), .16) }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(330px, 100%), 1fr)); gap: 14px; margin: 12px 0 }
figure { margin: 0 } .chart { padding: 12px 14px; break-inside: avoid } .chart svg { display: block; width: 100%; height: auto }
.chart figcaption { font-weight: 600; margin-bottom: 6px; display: flex; flex-wrap: wrap; gap: 2px 12px; align-items: baseline }
.key { font-weight: 400; font-size: 13px; color: var(--soft); white-space: nowrap } .key svg { display: inline; width: 18px }
.chart text { font-size: 12.5px; fill: var(--soft) } .rule { stroke: var(--line); stroke-width: 1 }
.curve { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round } circle { fill: currentColor }
.chart g, .key svg { color: var(--c) } .mark { stroke: var(--soft); stroke-dasharray: 3 3 }
.c-train { --c: var(--train) } .c-validation { --c: var(--ink) } .c-validation .curve { stroke-width: 2.4 }
.c-class0 { --c: var(--n) } .c-class1 { --c: var(--s) } .c-class2 { --c: var(--v) } .c-class3 { --c: var(--f) } .c-class4 { --c: var(--q) }
.scroll { max-height: 340px; overflow: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--card) }
.scroll thead { position: sticky; top: 0; background: var(--card) }
pre { margin: 0; padding: 12px 14px; font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-x: auto }
section > pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px } code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(345px, 100%), 1fr)); gap: 0 32px }
.definitions { position: absolute } .beats { display: flex; flex-wrap: wrap; gap: 18px 20px; align-items: flex-start }
.beat { break-inside: avoid; max-width: 100% } .beat figcaption { font-size: 13.5px; margin-top: 3px } .strip { display: block; max-width: 100%; height: auto } .paper { overflow-x: auto } .holter .strip { min-width: 620px } .holter header { margin-bottom: 16px } .holter .records { font-size: 13px } .holter .records th, .holter .records td { padding: 3px 5px } .holter .scroll .records { width: auto; min-width: 320px } .holter .tiles { grid-template-columns: repeat(auto-fit, minmax(min(190px, 45%), 1fr)) }
.sheet { fill: var(--sheet); stroke: var(--thick); stroke-width: .4px } .thin { stroke: var(--thin); stroke-width: .1px; fill: none } .thick { stroke: var(--thick); stroke-width: .16px; fill: none }
.trace { fill: none; stroke: var(--trace); stroke-width: 24px; stroke-linejoin: round; stroke-linecap: round }
.strip text { font-size: 2.7px; fill: var(--soft); font-weight: 600 } .strip .beat { text-anchor: middle } .strip .lead { font-size: 2.7px; paint-order: stroke; stroke: var(--sheet); stroke-width: .8px }
.tick { stroke: var(--soft); stroke-width: .2px } .here { stroke: var(--accent); stroke-width: .22px; stroke-dasharray: .9 .7 } .arrow { fill: var(--accent) }
footer { margin-top: 48px; padding-top: 14px; border-top: 1px solid var(--line); color: var(--soft); font-size: 13px }
@media print { :root { --mm: 1mm; --hit: 35, 120, 110; --miss: 190, 60, 40; --good: #23786e; --train: #3568a8;
  --amber: #8a5a00; --amber-page: #fff3d6; --amber-line: #e0a92e }
  @page { margin: 14mm } .aucs { font-size: 8pt } .aucs .range { font-size: 7.5pt } .aucs th, .aucs td { padding: 2px 4px } .tile b { font-size: 20px } .tile { padding: 7px 10px 9px } html { font-size: 9.5pt } body { max-width: none; padding: 0 } nav { display: none } .scroll, .leak ul { max-height: none; overflow: visible; border: 0 } .paper, .wide, pre { overflow: visible } .scroll thead { position: static }
  h2, h3 { break-after: avoid } pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 6.5pt; padding: 0 } #method .scroll:nth-of-type(3) pre { columns: 2; column-gap: 5mm; font-size: 5pt } h2 { margin-top: 7mm } .beats { gap: 4mm } .charts { grid-template-columns: 1fr 1fr; gap: 4mm } .strip, .holter .strip { max-width: none; min-width: 0 } .records, .epochs { font-size: 8pt } .records th, .records td, .holter .records th, .holter .records td { padding: 2px 3px; font-size: inherit } .holter .records { font-size: 7pt } }
)";

inline std::string style_of_reports() {
  return std::string(report_colours) + std::string(report_rules);
}

}  // namespace sec::train
