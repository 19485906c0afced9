#include "core/report/report_style.h"

namespace octavo {

// System fonts and inline SVG only: the page must look the same without a network.
const char kReportStyle[] = R"css(
:root{color-scheme:light dark;
--paper:#f7f4ee;--card:#fffdf9;--ink:#211d17;--soft:#6d6557;--line:#e3dccf;--hover:#f1ece1;
--accent:#0d6b50;--accent-soft:#e3f1ea;--good:#11795a;--bad:#b3391f;--warn:#8a5a00;--warn-soft:#fbf0d9;--bad-soft:#fae6df;
--k0:#5f6672;--k1:#2a6fdb;--k2:#0b8f6a;--k3:#c2410c;--k4:#8b3fc7;--k5:#b8860b;--k6:#d02670;--k7:#0e8ba8;--k8:#6b7d12;--k9:#9a4a2c}
@media (prefers-color-scheme:dark){:root{
--paper:#151412;--card:#1d1b18;--ink:#ece7dd;--soft:#a39a8a;--line:#36322c;--hover:#26231f;
--accent:#57cfa4;--accent-soft:#17322a;--good:#4fcb9d;--bad:#ff8f72;--warn:#f0bf5f;--warn-soft:#33290f;--bad-soft:#3a1e17;
--k0:#a5adba;--k1:#74a9ff;--k2:#3ecf9f;--k3:#ff9a5a;--k4:#c596ff;--k5:#e8c04e;--k6:#ff7fb2;--k7:#5bcbe6;--k8:#b9cc54;--k9:#e0987b}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:break-word}
main,footer{max-width:1160px;margin:0 auto;padding:0 24px}
h1,h2,h3{font-family:"Iowan Old Style","Palatino Linotype",Palatino,Georgia,"DejaVu Serif",serif;font-weight:600;line-height:1.2;text-wrap:balance}
h2{font-size:23px;margin:44px 0 6px}
h3{font-size:16.5px;margin:0 0 2px}
p{margin:0 0 12px}
a{color:inherit}
code,.mono{font:13px/1.45 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.soft{color:var(--soft)}
.small{font-size:13px}
.lead{max-width:68ch;color:var(--soft)}
header{padding:34px 0 4px}
.brand{display:flex;align-items:baseline;gap:12px;flex-wrap:wrap;color:var(--soft);font-size:14px;margin-bottom:26px}
.brand b{font:italic 600 19px/1 Georgia,"DejaVu Serif",serif;color:var(--ink);letter-spacing:.01em}
.eyebrow{font-size:12.5px;letter-spacing:.09em;text-transform:uppercase;color:var(--soft);margin:0 0 4px}
h1{font-size:clamp(30px,5.4vw,46px);margin:0 0 12px;letter-spacing:-.012em;overflow-wrap:anywhere}
.verdict{display:inline-block;border-radius:99px;padding:3px 12px 3px;font-size:12.5px;font-weight:650;letter-spacing:.06em;vertical-align:.35em;margin-left:6px;font-family:system-ui,sans-serif;white-space:nowrap}
.verdict.pass{background:var(--accent-soft);color:var(--accent)}
.verdict.missed{background:var(--warn-soft);color:var(--warn)}
.verdict.partial{background:var(--bad-soft);color:var(--bad)}
.reason{font-size:18px;line-height:1.45;max-width:70ch;margin:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:26px 0 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px 12px}
.tile b{display:block;font:600 27px/1.15 Georgia,"DejaVu Serif",serif;font-variant-numeric:tabular-nums;white-space:nowrap}
.tile b small{font-size:15px;font-weight:500;color:var(--soft);margin-left:4px}
.tile span{display:block;color:var(--soft);font-size:13px;margin-top:3px}
.note{border-left:3px solid var(--warn);background:var(--warn-soft);border-radius:0 8px 8px 0;padding:9px 14px;margin:10px 0 0;font-size:14px}
.note.error{border-color:var(--bad);background:var(--bad-soft)}
.notes{margin-top:22px}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px}
.scroll{overflow-x:auto;-webkit-overflow-scrolling:touch}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:7px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line);vertical-align:baseline}
thead th{font-weight:500;font-size:12.5px;color:var(--soft);vertical-align:bottom;line-height:1.25}
tbody tr:last-child>*{border-bottom:0}
tbody th{font-weight:600;text-align:left}
.left,td.left,th.left{text-align:left}
.wrap{white-space:normal;min-width:16em;overflow-wrap:anywhere}
.summary th:first-child{position:sticky;left:0;background:var(--card);z-index:1;padding-left:16px}
.summary td:last-child,.summary th:last-child{padding-right:16px}
.summary tbody tr:hover>*{background:var(--hover)}
.summary tr.best>*,.summary tr.best>th:first-child{background:var(--accent-soft)}
.summary tr.out td{color:var(--soft)}
.summary small{display:block;color:var(--soft);font-size:11.5px;line-height:1.2}
.tag{display:block;font-size:11px;font-weight:650;letter-spacing:.05em;color:var(--accent);text-transform:uppercase;line-height:1.3}
.sw{display:inline-block;width:10px;height:10px;border-radius:50%;background:var(--c);margin-right:8px}
.bar{display:block;height:3px;border-radius:2px;background:var(--line);margin-top:4px;min-width:46px}
.bar i{display:block;height:3px;border-radius:2px;background:var(--c)}
.met{color:var(--good)}.miss{color:var(--bad)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:16px;margin-top:14px}
figure{margin:0;padding:16px 16px 12px;min-width:0}
figcaption{margin-bottom:8px}
figcaption span{color:var(--soft);font-size:13px;display:block}
svg{display:block;width:100%;height:auto;max-width:600px;margin:0 auto;overflow:visible}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
svg .tick,svg tspan.tick{fill:var(--soft);font-size:11.5px;font-variant-numeric:tabular-nums}
svg .axistitle{fill:var(--soft);font-size:12px}
svg .label{font-weight:500;paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}svg .label.marked{font-weight:700}
svg .celltext{font-size:11px;font-variant-numeric:tabular-nums}
.grid{stroke:var(--line);stroke-width:1;fill:none}
.axis{stroke:var(--soft);stroke-width:1;fill:none;opacity:.7}
.front{stroke:var(--accent);stroke-width:1.8;fill:none;stroke-dasharray:5 4;opacity:.85}
.trace{stroke:var(--c);stroke-width:1.8;fill:none;stroke-linejoin:round}
.loss{padding:4px 16px 12px;max-width:640px}.worst{padding-bottom:4px;margin:0}
.operators small{display:block;color:var(--soft);font-size:11.5px;line-height:1.3}.operators .wrap{min-width:13.5em}.operators .stored{min-width:7.5em}.operators .advice{min-width:19em;font-size:13.5px}
.operators td{vertical-align:top}.inside p:last-child{margin-bottom:0}details details{border-bottom:1px solid var(--line)}
.leader{stroke:var(--soft);stroke-width:.8;opacity:.7}
.dot{fill:var(--c)}
.point.behind .dot{fill:var(--card);stroke:var(--c);stroke-width:2}
.band{fill:var(--accent);opacity:.08}
.ring{fill:none;stroke:var(--accent);stroke-width:2}
.samples .dots{stroke:var(--c);stroke-width:3;stroke-linecap:round;opacity:.33;fill:none}
.samples .whisker{stroke:var(--c);stroke-width:1.5;fill:none}
.samples .box{fill:var(--c);fill-opacity:.28;stroke:var(--c);stroke-width:1.2}
.samples .median{stroke:var(--c);stroke-width:2.6;fill:none}
.drift{stroke:var(--c);stroke-width:1.8;fill:none;stroke-linejoin:round}
.told{margin-top:14px}
.told thead th{overflow-wrap:anywhere}
.masks td{text-align:center;padding:8px 6px;border-bottom:0}
.masks thead th{text-align:center}.masks tbody th{vertical-align:middle;border-bottom:0;padding-left:16px}.masks td{vertical-align:top}
.masks img{display:block;width:128px;height:auto;margin:0 auto;border-radius:4px;image-rendering:pixelated;border:1px solid var(--line)}
.masks small{color:var(--soft);font-size:11.5px}
.added{color:#e22b24;font-weight:600}.lacking{color:#286ee6;font-weight:600}
circle.dot{stroke:var(--card);stroke-width:1}
.cell.good{fill:color-mix(in srgb,var(--good) calc(var(--s)*100%),var(--hover))}
.cell.bad{fill:color-mix(in srgb,var(--bad) calc(var(--s)*100%),var(--hover))}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;margin:12px 0 0;padding:0;list-style:none;font-size:13.5px}
details{border-top:1px solid var(--line)}
.card>details:first-child{border-top:0}
summary{cursor:pointer;padding:11px 16px;font-weight:600}
summary span{font-weight:400;color:var(--soft);margin-left:8px}
summary:hover{background:var(--hover)}
details>.scroll,details>.inside{border-top:1px solid var(--line)}
.inside{padding:12px 16px}
dl{display:grid;grid-template-columns:minmax(120px,190px) 1fr;margin:0;padding:6px 16px}
dt,dd{padding:8px 0;border-bottom:1px solid var(--line);margin:0;min-width:0}
dt{color:var(--soft);padding-right:14px}
dl>:nth-last-child(-n+2){border-bottom:0}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font:12.5px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
footer{padding-top:36px;padding-bottom:48px;color:var(--soft);font-size:13px}
@media (max-width:640px){main,footer{padding:0 14px}header{padding-top:20px}.brand{margin-bottom:18px}.reason{font-size:16.5px}
dl{grid-template-columns:1fr;padding:4px 14px}dt{border:0;padding-bottom:0}dd{padding-top:2px}dl>:nth-last-child(2){border:0}
h2{margin-top:34px}figure{padding:12px 10px 8px}.tiles{grid-template-columns:1fr 1fr;gap:8px}.tile{padding:11px 12px}.tile b{font-size:22px}
.verdict{margin-left:0}th,td{padding:7px 9px}}
@media print{body{background:#fff}.card,.tile{break-inside:avoid}}
)css";

}  // namespace octavo
