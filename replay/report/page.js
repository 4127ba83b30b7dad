/* SPDX-License-Identifier: PostgreSQL */
"use strict";
/*
 * The page of pgbaton-replay report. It draws the model that stands in the element of that name, and asks
 * nobody for anything. All that comes from a log is set as text, never as markup.
 */
(() => {
    const model = JSON.parse(document.getElementById("model").textContent);
    const SVG = "http://www.w3.org/2000/svg";
    const WEIGHT = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 };
    const LIST_STEP = 200;
    const SPAN_MIN_US = 2000;
    const $ = (id) => document.getElementById(id);

    let cluster = null; // the one that is shown
    let bounds = { from: 0, to: 1 }; // as far as one can zoom out, in µs since 1970
    let view = { from: 0, to: 1 };
    let incident = null; // the chosen one
    let chosen = null; // the chosen event
    let group = []; // the events of the mark that was chosen
    let listed = LIST_STEP;
    let bySeq = new Map();
    let effects = new Map(); // events by the sequence that caused them
    let widthForPrint = 0;

    /* ---- elements ---- */

    function add(parent, tag, className, ...children) {
        const element = document.createElement(tag);
        if (className) {
            element.className = className;
        }
        element.append(...children);
        parent.append(element);
        return element;
    }

    function draw(parent, tag, attributes, ...children) {
        const element = document.createElementNS(SVG, tag);
        for (const [name, value] of Object.entries(attributes)) {
            element.setAttribute(name, value);
        }
        element.append(...children);
        parent.append(element);
        return element;
    }

    function button(parent, className, action, ...children) {
        const element = add(parent, "button", className, ...children);
        element.type = "button";
        element.addEventListener("click", action);
        return element;
    }

    /* ---- words ---- */

    const two = (n) => String(n).padStart(2, "0");
    /* A writer's clock may show anything. */
    function iso(us) {
        const date = new Date(Math.floor((us || 0) / 1000));
        return date.getTime() >= 0 && date.getUTCFullYear() <= 9999 ? date.toISOString() : "????-??-??T??:??:??.???Z";
    }

    const day = (us) => iso(us).slice(0, 10);
    const clock = (us) => iso(us).slice(11, 23);
    const moment = (us) => `${day(us)} ${clock(us)} UTC`;

    function duration(ms) {
        const size = Math.abs(ms);
        if (size < 10) {
            return `${Math.round(ms * 10) / 10} ms`;
        }
        if (size < 10000) {
            return `${Math.round(ms)} ms`;
        }
        if (size < 120000) {
            return `${(ms / 1000).toFixed(1)} s`;
        }
        if (size < 7200000) {
            return `${Math.floor(ms / 60000)} min ${Math.round(ms / 1000) % 60} s`;
        }
        return size < 172800000 ? `${(ms / 3600000).toFixed(1)} h` : `${(ms / 86400000).toFixed(1)} days`;
    }

    function bytes(count) {
        const units = ["B", "kB", "MB", "GB", "TB"];
        let unit = 0;
        while (count >= 10240 && unit < 4) {
            count /= 1024;
            unit++;
        }
        return `${Math.floor(count)} ${units[unit]}`;
    }

    /* The fill of a state; each has a pattern or a caption of its own, too. */
    function fillOf(span) {
        if (span.role === "primary" || span.role === "standby_leader" || (span.leader && span.status === "running")) {
            return "primary";
        }
        return {
            streaming: "standby", running: "behind", promoting: "change", starting: "change", stopping: "change",
            switching: "change", restarting: "change", bootstrapping: "change", rebuilding: "rebuild", empty: "bad",
            failed: "bad", deposed: "bad", leaderless: "bad", electing: "bad", frozen: "bad",
        }[span.status] || "off";
    }

    function captionOf(span, isCluster) {
        if (isCluster) {
            return span.leader ? `${span.status}: ${span.leader} leads term ${span.term}` : span.status;
        }
        if (span.role === "primary") {
            return span.term ? `primary, term ${span.term}` : "primary";
        }
        if (span.role === "standby_leader") {
            return `leads a standby cluster, term ${span.term || "?"}`;
        }
        const what = { streaming: "standby, streaming", running: "standby, not streaming" }[span.status] || span.status;
        return span.reason ? `${what} (${span.reason})` : what;
    }

    const HEALTH = { ok: "well", "probes fail": "probes fail", failed: "failed", silent: "not heard" };

    /* ---- the view ---- */

    function setView(from, to) {
        const widest = bounds.to - bounds.from;
        const width = Math.min(widest, Math.max(SPAN_MIN_US, to - from));
        let begin = (from + to) / 2 - width / 2;
        begin = Math.max(bounds.from, Math.min(bounds.to - width, begin));
        const same = Math.abs(begin - view.from) < 1 && Math.abs(begin + width - view.to) < 1;
        view = { from: begin, to: begin + width };
        listed = LIST_STEP;
        schedule();
        return !same;
    }

    function zoom(factor, at) {
        const middle = at === undefined ? (view.from + view.to) / 2 : at;
        return setView(middle - (middle - view.from) * factor, middle + (view.to - middle) * factor);
    }

    const pan = (part) => setView(view.from + (view.to - view.from) * part, view.to + (view.to - view.from) * part);
    const fitAll = () => setView(bounds.from, bounds.to);

    function phaseAt(which, name) {
        const phase = which.phases.find((p) => p.name === name && p.at_us !== null);
        return phase ? phase.at_us : null;
    }

    const faultAt = (which) => phaseAt(which, "detected") || phaseAt(which, "released") || which.from_us;
    const writableAt = (which) => phaseAt(which, "acknowledged") || phaseAt(which, "writable") || Math.min(which.to_us, cluster.to_us);

    function fit(from, to, least) {
        const margin = Math.max(least, (to - from) * 0.15);
        return setView(from - margin, to + margin);
    }

    function fitOutage() {
        if (incident) {
            fit(phaseAt(incident, "renewed") || faultAt(incident), writableAt(incident), 100000);
        }
    }

    function fitIncident() {
        if (incident) {
            const end = Math.max(writableAt(incident), phaseAt(incident, "returned") || 0);
            fit(phaseAt(incident, "renewed") || faultAt(incident), end, 500000);
        }
    }

    /* The whole way until the old leader is back, unless the outage were too thin to be seen there. */
    function fitFirst() {
        const outage = writableAt(incident) - faultAt(incident);
        const whole = Math.max(writableAt(incident), phaseAt(incident, "returned") || 0) - faultAt(incident);
        if (outage * 20 < whole) {
            fitOutage();
        } else {
            fitIncident();
        }
    }

    let scheduled = false;
    function schedule() {
        if (!scheduled) {
            scheduled = true;
            requestAnimationFrame(() => {
                scheduled = false;
                render();
            });
        }
    }

    /* ---- geometry ---- */

    let plot = { left: 0, width: 100, total: 100, narrow: false };

    function measure() {
        const total = widthForPrint || Math.max(280, Math.floor($("lanes").getBoundingClientRect().width));
        const narrow = total < 560;
        const longest = Math.max(...cluster.nodes.map((lane) => lane.name.length), 0);
        const left = narrow ? 0 : Math.min(210, Math.max(128, longest * 8.8 + 14));
        plot = { left, narrow, total, width: total - left - (narrow ? 0 : 8) };
    }

    const x = (us) => plot.left + ((us - view.from) / (view.to - view.from)) * plot.width;
    const clampX = (us) => Math.max(plot.left, Math.min(plot.left + plot.width, x(us)));
    const isSeen = (from, to) => from <= view.to && to >= view.from;
    const timeAt = (pixel) => view.from + ((pixel - plot.left) / plot.width) * (view.to - view.from);

    function sheet(id, height, label) {
        const holder = $(id);
        const svg = document.createElementNS(SVG, "svg");
        svg.setAttribute("viewBox", `0 0 ${plot.total} ${height}`);
        svg.setAttribute("width", plot.total);
        svg.setAttribute("height", height);
        if (label) {
            svg.setAttribute("role", "group");
            svg.setAttribute("aria-label", label);
        }
        holder.replaceChildren(svg);
        return svg;
    }

    function text(parent, atX, atY, className, content) {
        return draw(parent, "text", { x: atX.toFixed(1), y: atY.toFixed(1), class: className }, content);
    }

    /* ---- the axis ---- */

    const STEPS_US = [1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 1.5e7, 3e7, 6e7, 1.2e8, 3e8, 6e8, 9e8,
        1.8e9, 3.6e9, 7.2e9, 1.08e10, 2.16e10, 4.32e10, 8.64e10, 1.728e11, 6.048e11, 2.592e12, 7.776e12, 3.1536e13];

    function stepOf() {
        const wanted = ((view.to - view.from) / plot.width) * 92;
        return STEPS_US.find((step) => step >= wanted) || STEPS_US[STEPS_US.length - 1];
    }

    function tickText(us, step) {
        if (step >= 8.64e10) {
            return day(us);
        }
        const time = clock(us);
        return step >= 6e7 ? time.slice(0, 5) : step >= 1e6 ? time.slice(0, 8) : time;
    }

    function ticks() {
        const step = stepOf();
        const list = [];
        for (let us = Math.ceil(view.from / step) * step; us <= view.to; us += step) {
            list.push({ us, label: tickText(us, step) });
        }
        return list;
    }

    function drawAxis() {
        const svg = sheet("axis", 26);
        for (const tick of ticks()) {
            const at = x(tick.us);
            const half = tick.label.length * 3.7;
            draw(svg, "path", { d: `M${at.toFixed(1)} 20V26`, class: "grid" });
            if (at - half > plot.left - 8 && at + half < plot.total) {
                text(svg, at, 15, "middle small", tick.label);
            }
        }
        if (!plot.narrow) {
            text(svg, 4, 15, "small", "UTC");
        }
    }

    /* ---- lanes ---- */

    function patterns(svg) {
        const shapes = { behind: ["M0 4H8", 0], change: ["M0 4H8", 45], rebuild: ["M4 0V8", 0], bad: ["M0 4H8M4 0V8", 45], off: ["M3 4H5", 0] };
        const definitions = draw(svg, "defs", {});
        for (const [name, [path, degrees]] of Object.entries(shapes)) {
            const pattern = draw(definitions, "pattern", {
                id: `pattern-${name}`, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${degrees})`,
            });
            draw(pattern, "rect", { width: 8, height: 8, class: `b-${name}` });
            draw(pattern, "path", { d: path, class: `l-${name}`, "stroke-width": 1.5, fill: "none" });
        }
    }

    function title(element, content) {
        draw(element, "title", {}, content);
    }

    /* As much of it as fits; nothing when that is too little. */
    function shorten(content, width) {
        const count = Math.floor((width - 8) / 7.3);
        return content.length <= count ? content : count >= 6 ? `${content.slice(0, count - 1)}…` : "";
    }

    /* The beginning and the end of one that is long: names of one cluster often begin alike. */
    const abridge = (name) => (name.length > 22 ? `${name.slice(0, 10)}…${name.slice(-10)}` : name);

    function drawSpans(svg, spans, y, isCluster) {
        for (const span of spans) {
            if (!isSeen(span.from_us, span.to_us)) {
                continue;
            }
            const left = clampX(span.from_us);
            const width = Math.max(1, clampX(span.to_us) - left);
            const fill = fillOf(span);
            const caption = captionOf(span, isCluster);
            const bar = draw(svg, "rect", { x: left.toFixed(1), y, width: width.toFixed(1), height: 24, class: `bar f-${fill}` });
            title(bar, `${caption}\n${moment(span.from_us)}, for ${duration((span.to_us - span.from_us) / 1000)}`);
            bar.addEventListener("click", () => choose(bySeq.get(span.seq) || null));
            const shown = shorten(caption, width);
            if (shown) {
                text(svg, left + 5, y + 17, `caption on-${fill}`, shown);
            }
        }
    }

    function drawLeases(svg, leases, y) {
        for (const lease of leases) {
            if (!isSeen(lease.from_us, lease.to_us)) {
                continue;
            }
            const left = clampX(lease.from_us);
            const right = Math.max(left + 1, clampX(lease.to_us));
            const bar = draw(svg, "rect", { x: left.toFixed(1), y, width: (right - left).toFixed(1), height: 9, class: "lease" });
            const end = { runs: "runs on", released: "released", revoked: "revoked", lapsed: "not renewed in time" }[lease.end];
            title(bar, `lease of term ${lease.term}: ${lease.renewals} renewals, at most ${duration(lease.longest_gap_ms)} apart; ${end}`);
            if (lease.end === "revoked" || lease.end === "lapsed") {
                draw(svg, "path", { d: `M${right.toFixed(1)} ${y - 3}v15`, class: "lease-end" });
            }
        }
    }

    function drawHealth(svg, spans, y) {
        for (const span of spans) {
            if (!isSeen(span.from_us, span.to_us)) {
                continue;
            }
            const left = clampX(span.from_us);
            const width = Math.max(1.5, clampX(span.to_us) - left);
            const well = span.status === "ok";
            const word = HEALTH[span.status] || span.status;
            const strip = draw(svg, "rect", {
                x: left.toFixed(1), y: well ? y + 4 : y, width: width.toFixed(1), height: well ? 5 : 14, class: well ? "well" : "ill",
            });
            const more = span.reason ? ` (${span.reason})` : "";
            const row = span.failures ? `, ${span.failures} probes in a row` : "";
            title(strip, `health: ${word}${row}${more}\n${moment(span.from_us)}, for ${duration((span.to_us - span.from_us) / 1000)}`);
            const shown = well ? "" : shorten(word, width);
            if (shown) {
                text(svg, left + 5, y + 11, "caption ill-text", shown);
            }
        }
    }

    /* What is in view of the samples, one for each pixel, the largest; null: not known from there on. */
    function thin(samples) {
        const seen = [];
        let before = null;
        for (const [us, count] of samples) {
            if (us < view.from) {
                before = count;
            } else if (us <= view.to) {
                const at = Math.round(x(us));
                const last = seen[seen.length - 1];
                if (last && last.at === at && count !== null && last.count !== null) {
                    last.count = Math.max(last.count, count);
                } else {
                    seen.push({ at, count });
                }
            }
        }
        if (before !== null) {
            seen.unshift({ at: plot.left, count: before });
        }
        return seen;
    }

    /* Steps: a lag is what it was until it is told anew. Returns the largest; null: none is known. */
    function drawLag(svg, samples, y, height) {
        const seen = thin(samples);
        const known = seen.filter((s) => s.count !== null);
        if (known.length === 0) {
            return null;
        }
        const largest = Math.max(...known.map((s) => s.count));
        const level = (count) => (y + height - (largest ? (count / largest) * (height - 3) : 0)).toFixed(1);
        let line = "";
        let area = "";
        let runs = false;
        for (const { at, count } of [...seen, { at: plot.left + plot.width, count: null }]) {
            if (runs) {
                line += `H${at}`;
                area += `H${at}`;
            }
            if (count !== null) {
                line += runs ? `V${level(count)}` : `M${at} ${level(count)}`;
                area += runs ? `V${level(count)}` : `M${at} ${y + height}V${level(count)}`;
            } else if (runs) {
                area += `V${y + height}Z`;
            }
            runs = count !== null;
        }
        draw(svg, "path", { d: area, class: "lag-area" });
        draw(svg, "path", { d: line, class: "lag" });
        if (known.length < 80) {
            for (const sample of known) {
                draw(svg, "circle", { cx: sample.at, cy: level(sample.count), r: 2.2, class: "lag-dot" });
            }
        }
        return largest;
    }

    /* ---- marks ---- */

    const isDecision = (event) => Boolean(event.rule);

    function shapeOf(event) {
        if (event.severity === "ERROR") {
            return "M-6 -6H6V6H-6Z";
        }
        if (event.severity === "WARNING") {
            return "M0 -7L7 6H-7Z";
        }
        return isDecision(event) ? "M0 -7L7 0L0 7L-7 0Z" : "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z";
    }

    /* Marks that would cover each other are one. */
    function bin(events) {
        const bins = [];
        for (const event of events) {
            const at = x(event.at_us);
            const last = bins[bins.length - 1];
            if (last && at - last.at < 15) {
                last.events.push(event);
            } else {
                bins.push({ at, events: [event] });
            }
        }
        return bins;
    }

    function weightiest(events) {
        return events.reduce((best, e) => WEIGHT[e.severity] * 2 + isDecision(e) > WEIGHT[best.severity] * 2 + isDecision(best) ? e : best);
    }

    const labelOf = (e) => `seq ${e.seq}, ${clock(e.at_us)} UTC, ${e.severity}${e.node ? `, ${e.node}` : ""}: ${e.text}`;

    const places = new Map(); // where the mark of an event is, for arrows

    function drawMarks(svg, events, y) {
        for (const { at, events: members } of bin(events)) {
            const shown = chosen && members.includes(chosen) ? chosen : weightiest(members);
            const isChosen = shown === chosen;
            const mark = draw(svg, "g", {
                class: `mark ${shown.severity}${isChosen ? " chosen" : ""}`, transform: `translate(${at.toFixed(1)} ${y})`, role: "button",
                tabindex: isChosen ? 0 : -1, "aria-label": members.length > 1 ? `${members.length} events here; ${labelOf(shown)}` : labelOf(shown),
                "data-seq": shown.seq,
            });
            draw(mark, "circle", { r: 11, class: "target" });
            draw(mark, "circle", { r: 10, class: "ring" });
            draw(mark, "path", { d: shapeOf(shown), class: "shape" });
            if (members.length > 1) {
                text(mark, 8, -5, "count", String(members.length));
            }
            title(mark, members.slice(0, 6).map(labelOf).join("\n") + (members.length > 6 ? `\n… ${members.length - 6} more` : ""));
            mark.addEventListener("click", () => {
                choose(shown, members);
                showDetail();
            });
            mark.addEventListener("keydown", (key) => {
                if (key.key === "Enter" || key.key === " ") {
                    key.preventDefault();
                    choose(shown, members);
                }
            });
            for (const member of members) {
                places.set(member.seq, { at, y });
            }
        }
    }

    /* ---- all lanes ---- */

    function drawBands(svg, height) {
        for (const tick of ticks()) {
            draw(svg, "path", { d: `M${x(tick.us).toFixed(1)} 0V${height}`, class: "grid" });
        }
        const end = unfinished();
        const bands = cluster.incidents.map((each) => [faultAt(each), writableAt(each)]);
        for (const [from, to] of end ? [...bands, [end.since, cluster.to_us]] : bands) {
            if (isSeen(from, to)) {
                const left = clampX(from);
                draw(svg, "rect", { x: left.toFixed(1), y: 0, width: Math.max(2, clampX(to) - left).toFixed(1), height, class: "band" });
            }
        }
    }

    /* The phases of every incident in view, in their places on the axis. */
    function drawPhaseRow(svg, y) {
        for (const each of cluster.incidents) {
            const known = each.phases.filter((p) => p.at_us !== null);
            let before = known.length ? known[0].at_us : 0;
            known.forEach((phase, i) => {
                const at = Math.max(before, phase.at_us);
                if (i > 0 && isSeen(before, at)) {
                    const left = clampX(before);
                    const width = Math.max(1, clampX(at) - left);
                    const bar = draw(svg, "rect", { x: left.toFixed(1), y, width: width.toFixed(1), height: 20, class: `bar p${i % 4}` });
                    title(bar, `incident ${each.number}, ${phase.activity}: ${duration((at - before) / 1000)}`);
                    bar.addEventListener("click", () => chooseIncident(each));
                    const shown = shorten(phase.activity, width);
                    if (shown) {
                        text(svg, left + 5, y + 15, "caption on-phase", shown);
                    }
                }
                before = at;
            });
        }
    }

    function drawCause(svg) {
        const to = chosen && places.get(chosen.seq);
        const from = chosen && chosen.cause !== null && places.get(chosen.cause);
        if (!to || !from || (from.at === to.at && from.y === to.y)) {
            return;
        }
        const middle = (from.at + to.at) / 2;
        const bend = from.y === to.y ? from.y - 26 : (from.y + to.y) / 2;
        draw(svg, "path", { d: `M${from.at} ${from.y}Q${middle} ${bend} ${to.at} ${to.y}`, class: "cause" });
        draw(svg, "circle", { cx: from.at, cy: from.y, r: 4, class: "cause-head" });
    }

    function rowNames(svg, y, rows) {
        if (!plot.narrow) {
            for (const [offset, word] of rows) {
                text(svg, plot.left - 8, y + offset, "small end", word);
            }
        }
    }

    function drawLane(svg, lane, top, events) {
        let y = top;
        if (plot.narrow) {
            text(svg, 2, y + 14, "name", lane.name);
            y += 20;
        } else {
            title(text(svg, 2, y + 17, "name", abridge(lane.name)), lane.name);
        }
        drawSpans(svg, lane.roles, y, false);
        drawLeases(svg, lane.leases, y + 28);
        drawHealth(svg, lane.health, y + 40);
        const largest = drawLag(svg, lane.lag, y + 57, 22);
        const lag = largest === null ? "lag" : largest === 0 ? "lag 0 B" : `lag ≤ ${bytes(largest)}`;
        if (plot.narrow && largest !== null) {
            text(svg, plot.total - 2, top + 14, "small end", lag);
        }
        drawMarks(svg, events, y + 92);
        rowNames(svg, y, [[36, "lease"], [51, "health"], [73, lag], [96, "events"]]);
    }

    function drawLanes() {
        const inView = cluster.events.filter((e) => isSeen(e.at_us, e.at_us));
        const laneHeight = plot.narrow ? 132 : 112;
        const head = plot.narrow ? 88 : 80;
        const height = head + laneHeight * cluster.nodes.length;
        const svg = sheet("lanes", height, `Lanes of the nodes of cluster ${cluster.name}`);
        places.clear();
        patterns(svg);
        drawBands(svg, height);
        drawPhaseRow(svg, 0);
        drawSpans(svg, cluster.states, 24, true);
        const lanes = new Set(cluster.nodes.map((lane) => lane.name));
        drawMarks(svg, inView.filter((e) => !lanes.has(e.node)), 62);
        rowNames(svg, 0, [[15, "phases"], [41, "cluster"], [66, "decisions"]]);
        cluster.nodes.forEach((lane, i) => {
            const top = head + i * laneHeight;
            draw(svg, "path", { d: `M0 ${top - 4}H${plot.total}`, class: "rule" });
            drawLane(svg, lane, top, inView.filter((e) => e.node === lane.name));
        });
        if (chosen && isSeen(chosen.at_us, chosen.at_us)) {
            const at = x(chosen.at_us).toFixed(1);
            draw(svg, "path", { d: `M${at} 0V${height}`, class: "cursor" });
        }
        drawCause(svg);
        const first = svg.querySelector(".mark.chosen") || svg.querySelector(".mark");
        if (first) {
            first.setAttribute("tabindex", "0");
        }
    }

    /* ---- the overview ---- */

    const overviewX = (us) => ((us - bounds.from) / (bounds.to - bounds.from)) * plot.total;

    function drawOverview() {
        const svg = sheet("overview", 24);
        draw(svg, "rect", { x: 0.5, y: 0.5, width: plot.total - 1, height: 23, rx: 4, class: "overview-base" });
        let last = -1;
        for (const event of cluster.events) {
            const at = Math.floor(overviewX(event.at_us));
            if (at !== last) {
                draw(svg, "rect", { x: at, y: 15, width: 1, height: 6, class: "overview-event" });
                last = at;
            }
        }
        for (const each of cluster.incidents) {
            const from = overviewX(faultAt(each));
            draw(svg, "rect", { x: from.toFixed(1), y: 2, width: Math.max(3, overviewX(writableAt(each)) - from).toFixed(1), height: 20, class: "overview-incident" });
        }
        const left = overviewX(view.from);
        draw(svg, "rect", { x: left.toFixed(1), y: 1, width: Math.max(4, overviewX(view.to) - left).toFixed(1), height: 22, rx: 3, class: "overview-view" });
    }

    /* ---- words beside the lanes ---- */

    function showRange() {
        const sameDay = day(view.from) === day(view.to);
        const width = duration((view.to - view.from) / 1000);
        $("range").textContent = `${day(view.from)} ${clock(view.from)} to ${sameDay ? "" : `${day(view.to)} `}${clock(view.to)} UTC (${width})`;
    }

    function linkTo(parent, event, lead) {
        button(parent, "link", () => {
            choose(event);
            reveal(event);
        }, `${lead}seq ${event.seq}: ${event.text}`);
    }

    /* {"a": {"b": 1}} as a.b */
    function addFields(list, fields, prefix) {
        for (const [name, value] of Object.entries(fields)) {
            if (value !== null && typeof value === "object" && !Array.isArray(value)) {
                addFields(list, value, `${prefix}${name}.`);
            } else {
                add(list, "dt", "", prefix + name);
                add(list, "dd", "", typeof value === "string" ? value : JSON.stringify(value));
            }
        }
    }

    function explainEvent(parent, event) {
        const head = add(parent, "p", "");
        add(head, "span", `tag ${event.severity}`, event.severity);
        head.append(` ${event.kind}, seq ${event.seq}`);
        add(parent, "p", "said", event.text);
        const facts = add(parent, "dl", "");
        const fact = (name, value) => {
            add(facts, "dt", "", name);
            add(facts, "dd", "", value);
        };
        fact("when", moment(event.at_us));
        fact("written by", event.writer || "unknown");
        const skew = event.written_us === null ? 0 : (event.written_us - event.at_us) / 1000;
        if (Math.abs(skew) > 1000) {
            fact("its clock", `${moment(event.written_us)}, ${duration(Math.abs(skew))} ${skew < 0 ? "behind" : "ahead of"} the log's`);
        }
        fact("term", String(event.term));
        if (event.rule) {
            fact("rule", event.rule);
        }
        if (event.cause !== null) {
            const cause = bySeq.get(event.cause);
            if (cause) {
                linkTo(parent, cause, "caused by ");
            } else {
                add(parent, "p", "hint", `caused by seq ${event.cause}, which is not shown here: it changed nothing, or stands outside`);
            }
        }
        for (const effect of (effects.get(event.seq) || []).slice(0, 12)) {
            linkTo(parent, effect, "led to ");
        }
        if (event.fields) {
            const all = add(parent, "details", "");
            add(all, "summary", "", "All that it says");
            addFields(add(all, "dl", ""), event.fields, "");
        }
    }

    function explainIncident(parent, which) {
        add(parent, "p", "", `Incident ${which.number}`).className = "hint";
        add(parent, "p", "said", which.text);
        const list = add(parent, "ul", "");
        for (const line of which.explanation) {
            add(list, "li", "", line);
        }
        if (which.candidates.length > 0) {
            add(parent, "h3", "", "Candidates");
            const candidates = add(parent, "ul", "");
            for (const c of which.candidates) {
                const reason = c.reason ? ` (${c.reason})` : "";
                add(candidates, "li", "", `${c.node}: ${c.verdict}${reason}${c.lsn ? `, at ${c.lsn} on timeline ${c.timeline}` : ""}`);
            }
        }
        const ended = bySeq.get(which.ended_seq);
        const granted = bySeq.get(which.seq);
        for (const [event, lead] of [[ended, "the term ended: "], [granted, "the next was granted: "]]) {
            if (event) {
                linkTo(parent, event, lead);
            }
        }
    }

    function explain() {
        const panel = $("explanation");
        panel.replaceChildren();
        if (chosen) {
            explainEvent(panel, chosen);
            if (group.length > 1) {
                add(panel, "h3", "", `${group.length} events at this mark`);
                for (const member of group.slice(0, 40)) {
                    if (member !== chosen) {
                        linkTo(panel, member, "");
                    }
                }
            }
            button(panel, "", () => choose(null), incident ? "Back to the incident" : "Close").id = "back";
        } else if (incident) {
            explainIncident(panel, incident);
        } else {
            add(panel, "p", "", "Choose an event in the lanes or in the list to see what it says, what caused it, and what it led to.");
        }
    }

    function showPhases() {
        $("phases").hidden = incident === null;
        if (incident === null) {
            return;
        }
        const since = incident.asked_for ? "" : " after the fault was noticed";
        $("phases-title").textContent = incident.outage_ms !== null
            ? `Incident ${incident.number}: nobody could write for ${duration(incident.outage_ms)}${since}`
            : `Incident ${incident.number}: not writable again within this log`;
        const bar = $("phase-bar");
        const table = $("phase-table");
        bar.replaceChildren();
        table.replaceChildren();
        let before = incident.phases.length ? incident.phases[0].ms : 0;
        let spoken = [];
        let past = false;
        const end = incident.phases.some((phase) => phase.name === "acknowledged") ? "acknowledged" : "writable";
        incident.phases.forEach((phase, i) => {
            const ms = Math.max(before, phase.ms);
            const took = ms - before;
            if (i > 0 && !past) {
                const part = add(bar, "div", `p${i % 4}${before < 0 ? " aside" : ""}`);
                part.style.flexGrow = before < 0 ? 0 : Math.max(took, 0.01);
                part.title = `${phase.activity}: ${duration(took)}`;
                add(part, "b", "", phase.activity);
                part.append(duration(took));
                spoken.push(`${phase.activity} ${duration(took)}`);
            }
            const row = add(table, "div", "");
            add(row, "i", i > 0 && !past ? `p${i % 4}` : "");
            add(row, "span", "", phase.label);
            add(row, "span", "number took", i > 0 ? `+${duration(took)}` : "");
            add(row, "b", "number", duration(phase.ms).replace("-", "−"));
            past = past || phase.name === end;
            before = ms;
        });
        bar.setAttribute("aria-label", `Phases: ${spoken.join(", ")}`);
        for (const part of bar.children) {
            if (part.scrollWidth > part.clientWidth + 1) {
                part.replaceChildren();
            }
        }
    }

    function showIncidents() {
        const list = $("incident-list");
        list.replaceChildren();
        $("incidents").hidden = false;
        if (cluster.incidents.length === 0) {
            add(add(list, "li", ""), "p", "", "No leader was replaced within what is shown.");
        }
        for (const each of cluster.incidents) {
            const item = add(list, "li", "");
            const outage = each.outage_ms === null ? "not over" : duration(each.outage_ms);
            const card = button(item, "", () => chooseIncident(each));
            add(card, "b", "", `${each.number}: ${each.from} → ${each.to}`);
            add(card, "span", "", `${outage}, ${each.reason}`);
            add(card, "span", "number", moment(each.noticed_us));
            card.setAttribute("aria-pressed", String(each === incident));
            card.dataset.incident = each.number;
        }
    }

    /* ---- the list ---- */

    function showList() {
        const wanted = $("filter").value.trim().toLowerCase();
        const list = $("event-list");
        const matches = cluster.events.filter((e) => isSeen(e.at_us, e.at_us) && (wanted === "" ||
            `${e.seq} ${e.severity} ${e.kind} ${e.writer} ${e.node || ""} ${e.rule || ""} ${e.text}`.toLowerCase().includes(wanted)));
        list.replaceChildren();
        for (const event of matches.slice(0, listed)) {
            const row = button(add(list, "li", ""), "", () => {
                choose(event);
                showDetail();
            });
            add(row, "span", "number", clock(event.at_us));
            add(row, "span", "number seq", String(event.seq));
            add(row, "span", `tag ${event.severity}`, event.severity);
            add(row, "span", "who", event.writer || "unknown");
            add(row, "span", "text", event.text);
            row.dataset.seq = event.seq;
            if (event === chosen) {
                row.setAttribute("aria-current", "true");
            }
        }
        $("events-title").textContent = matches.length === 0 ? "No event in view" : `Events in view: ${matches.length}`;
        $("more").hidden = matches.length <= listed;
        $("more").textContent = `Show ${Math.min(LIST_STEP, matches.length - listed)} more of ${matches.length - listed}`;
    }

    /* ---- choosing ---- */

    function choose(event, members) {
        chosen = event;
        group = members || (event ? [event] : []);
        explain();
        schedule();
    }

    /* Where it is not beside the lanes it may be out of sight. */
    function showDetail() {
        if (getComputedStyle($("detail")).position === "static") {
            $("detail").scrollIntoView({ block: "nearest" });
        }
    }

    /* Into view, at the present width. */
    function reveal(event) {
        if (!isSeen(event.at_us, event.at_us)) {
            const half = (view.to - view.from) / 2;
            setView(event.at_us - half, event.at_us + half);
        }
    }

    function chooseIncident(which) {
        incident = which;
        chosen = null;
        group = [];
        showIncidents();
        showPhases();
        explain();
        fitFirst();
        for (const id of ["fit-outage", "fit-incident"]) {
            $(id).disabled = false;
        }
    }

    function step(by) {
        const events = cluster.events;
        if (events.length === 0) {
            return;
        }
        let at = chosen ? events.indexOf(chosen) + by : events.findIndex((e) => e.at_us >= view.from);
        at = Math.max(0, Math.min(events.length - 1, at));
        choose(events[at]);
        reveal(events[at]);
    }

    /* ---- drawing anew ---- */

    function render() {
        const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.seq : undefined;
        const place = document.activeElement && document.activeElement.closest && document.activeElement.closest("#lanes, #event-list");
        measure();
        drawAxis();
        drawLanes();
        drawOverview();
        showRange();
        showList();
        if (focused !== undefined && place) {
            const again = $(place.id).querySelector(`[data-seq="${focused}"]`);
            if (again) {
                again.focus({ preventScroll: true });
            }
        }
    }

    /* ---- hands ---- */

    /* Who scrolls the page goes on doing so when the lanes come under the pointer. */
    let scrolled = 0;
    function isScrolling(event) {
        const goesOn = event.timeStamp - scrolled < 250 && !event.ctrlKey;
        scrolled = goesOn ? event.timeStamp : 0;
        return goesOn;
    }

    function listenToPointers() {
        const lanes = $("lanes");
        const pointers = new Map();
        let moved = 0;
        let startView = null;
        let startX = [];
        const local = (event) => (event.clientX - lanes.getBoundingClientRect().left) * (plot.total / lanes.getBoundingClientRect().width);
        const restart = () => {
            startView = { ...view };
            startX = [...pointers.values()];
        };
        lanes.addEventListener("pointerdown", (event) => {
            if (event.button !== 0) {
                return;
            }
            pointers.set(event.pointerId, local(event));
            moved = 0;
            restart();
        });
        window.addEventListener("pointermove", (event) => {
            if (!pointers.has(event.pointerId)) {
                return;
            }
            pointers.set(event.pointerId, local(event));
            const now = [...pointers.values()];
            const perPixel = (startView.to - startView.from) / plot.width;
            moved = Math.max(moved, Math.abs(now[0] - startX[0]));
            if (now.length === 1 && moved > 4) {
                lanes.classList.add("dragging");
                const by = (startX[0] - now[0]) * perPixel;
                setView(startView.from + by, startView.to + by);
            } else if (now.length >= 2) {
                const apart = Math.max(20, Math.abs(startX[0] - startX[1]));
                const factor = apart / Math.max(20, Math.abs(now[0] - now[1]));
                const middle = startView.from + ((startX[0] + startX[1]) / 2 - plot.left) * perPixel;
                const width = (startView.to - startView.from) * factor;
                const share = ((now[0] + now[1]) / 2 - plot.left) / plot.width;
                moved = 100;
                setView(middle - width * share, middle + width * (1 - share));
            }
        });
        window.addEventListener("wheel", (event) => {
            if (!lanes.contains(event.target)) {
                scrolled = event.timeStamp;
            }
        }, { passive: true });
        const drop = (event) => {
            if (pointers.delete(event.pointerId)) {
                lanes.classList.remove("dragging");
                restart();
            }
        };
        window.addEventListener("pointerup", drop);
        window.addEventListener("pointercancel", drop);
        lanes.addEventListener("click", (event) => {
            if (moved > 4) {
                event.stopPropagation();
                event.preventDefault();
            }
        }, true);
        lanes.addEventListener("wheel", (event) => {
            if (isScrolling(event)) {
                return;
            }
            const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
            const delta = sideways ? event.deltaX || event.deltaY : event.deltaY;
            const unit = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 300 : 1;
            const changed = sideways ? pan((delta * unit) / plot.width) : zoom(Math.exp(Math.max(-1, Math.min(1, (delta * unit) / 400))), timeAt(local(event)));
            if (changed || event.ctrlKey) {
                event.preventDefault();
            }
        }, { passive: false });
    }

    function listenToOverview() {
        const overview = $("overview");
        let holds = false;
        const go = (event) => {
            const box = overview.getBoundingClientRect();
            const us = bounds.from + ((event.clientX - box.left) / box.width) * (bounds.to - bounds.from);
            const half = (view.to - view.from) / 2;
            setView(us - half, us + half);
        };
        overview.addEventListener("pointerdown", (event) => {
            holds = true;
            go(event);
        });
        window.addEventListener("pointermove", (event) => holds && go(event));
        window.addEventListener("pointerup", () => {
            holds = false;
        });
    }

    const KEYS = {
        "+": () => zoom(1 / 1.6), "=": () => zoom(1 / 1.6), "-": () => zoom(1.6), "_": () => zoom(1.6),
        ArrowLeft: () => pan(-0.25), ArrowRight: () => pan(0.25), 0: fitAll, Home: fitAll,
        o: fitOutage, i: fitIncident, n: () => step(1), p: () => step(-1), Escape: () => choose(null),
    };

    function listenToKeys() {
        document.addEventListener("keydown", (event) => {
            const busy = event.target.closest && event.target.closest("input, select, textarea");
            if (busy || event.ctrlKey || event.altKey || event.metaKey || !Object.hasOwn(KEYS, event.key)) {
                return;
            }
            event.preventDefault();
            KEYS[event.key]();
        });
    }

    function listen() {
        const actions = {
            "zoom-in": () => zoom(1 / 1.6), "zoom-out": () => zoom(1.6), "pan-left": () => pan(-0.25), "pan-right": () => pan(0.25),
            "fit-outage": fitOutage, "fit-incident": fitIncident, "fit-all": fitAll,
            more: () => {
                listed += LIST_STEP;
                showList();
            },
        };
        for (const [id, action] of Object.entries(actions)) {
            $(id).addEventListener("click", action);
        }
        $("filter").addEventListener("input", () => {
            listed = LIST_STEP;
            showList();
        });
        $("cluster").addEventListener("change", () => open(Number($("cluster").value)));
        listenToPointers();
        listenToOverview();
        listenToKeys();
        new ResizeObserver(schedule).observe($("chart"));
        window.addEventListener("resize", showPhases);
        window.addEventListener("beforeprint", () => {
            widthForPrint = 1010;
            render();
        });
        window.addEventListener("afterprint", () => {
            widthForPrint = 0;
            render();
        });
    }

    /* ---- what is opened ---- */

    function showLegend() {
        const legend = $("legend");
        legend.replaceChildren();
        const sample = (className, height, word, path) => {
            const item = add(legend, "li", "");
            const svg = draw(item, "svg", { viewBox: "0 0 26 16", "aria-hidden": "true" });
            if (path) {
                const mark = draw(svg, "g", { class: `mark ${className}`, transform: "translate(13 8)" });
                draw(mark, "path", { d: path, class: "shape" });
            } else {
                draw(svg, "rect", { x: 1, y: 8 - height / 2, width: 24, height, class: className });
            }
            item.append(word);
        };
        sample("bar f-primary", 14, "primary");
        sample("bar f-standby", 14, "standby, streaming");
        sample("bar f-behind", 14, "standby, not streaming");
        sample("bar f-change", 14, "on its way");
        sample("bar f-rebuild", 14, "being copied");
        sample("bar f-bad", 14, "cannot serve");
        sample("bar f-off", 14, "stopped, gone");
        sample("lease", 7, "lease");
        sample("well", 5, "healthy");
        sample("ill", 12, "ill, not heard");
        sample("INFO", 0, "fact", shapeOf({ severity: "INFO" }));
        sample("INFO", 0, "decision", shapeOf({ severity: "INFO", rule: "r" }));
        sample("WARNING", 0, "warning", shapeOf({ severity: "WARNING" }));
        sample("ERROR", 0, "error", shapeOf({ severity: "ERROR" }));
        sample("band", 14, "nobody can write");
    }

    /* What is shown ends while nobody can write: since when, and how it is called. A cluster that was never
     * writable, or follows another one, has lost nothing. */
    function unfinished() {
        const states = cluster.states;
        const last = states[states.length - 1];
        const running = states.findLast((s) => s.status === "running");
        return running && last.status !== "running" ? { since: running.to_us, status: last.status } : null;
    }

    function showNotices() {
        const notices = $("notices");
        notices.replaceChildren();
        const say = (content) => add(notices, "p", "notice", content);
        if (model.cut) {
            say(`The capture is not whole: ${model.cut}. This is what stands before.`);
        }
        if (cluster.headless) {
            say("The records begin in the middle of this cluster's log, and hold no snapshot of it: the lanes show only what these records say.");
        } else if (cluster.known_from_us !== null) {
            say(`The records begin in the middle of this cluster's log; its state is known from the snapshot of ${moment(cluster.known_from_us)} on.`);
        }
        if (cluster.events_left_out > 0) {
            say(`${cluster.events_left_out} events that matter less, or are older, are left out; a shorter range (--since, --until, --incident) shows all.`);
        }
        const end = unfinished();
        if (end) {
            const waits = cluster.waits_for ? `: ${cluster.waits_for}` : "";
            say(`Where this ends nobody can write, since ${moment(end.since)}; the cluster is ${end.status}${waits}.`).classList.add("bad");
        }
        if (cluster.nodes_left_out) {
            say("More nodes were members than lanes are drawn; those that came last have none.");
        }
    }

    function open(index) {
        cluster = model.clusters[index];
        bySeq = new Map(cluster.events.map((e) => [e.seq, e]));
        effects = new Map();
        for (const event of cluster.events) {
            if (event.cause !== null) {
                effects.set(event.cause, [...(effects.get(event.cause) || []), event]);
            }
        }
        const margin = Math.max(250000, (cluster.to_us - cluster.from_us) * 0.02);
        bounds = { from: cluster.from_us - margin, to: cluster.to_us + margin };
        view = { ...bounds };
        incident = null;
        chosen = null;
        group = [];
        const name = `Cluster ${cluster.name}`;
        $("title").textContent = model.incident === null ? name : `${name}, incident ${model.incident}`;
        document.title = `${$("title").textContent}: pgbaton report`;
        const length = duration((cluster.to_us - cluster.from_us) / 1000);
        const waits = cluster.waits_for && !unfinished() ? `: ${cluster.waits_for}` : "";
        $("subtitle").textContent = `${moment(cluster.from_us)} to ${moment(cluster.to_us)} (${length}). At the end of the log: ${cluster.status}, term ${cluster.term}${waits}.`;
        showNotices();
        showLegend();
        for (const id of ["fit-outage", "fit-incident"]) {
            $(id).disabled = true;
        }
        if (cluster.incidents.length > 0) {
            chooseIncident(cluster.incidents[cluster.incidents.length - 1]);
        } else {
            showIncidents();
            showPhases();
            explain();
        }
        const end = unfinished();
        if (end && !(incident && incident.outage_ms === null)) {
            fit(end.since, cluster.to_us, 2000000);
        }
        render();
        const last = document.querySelector('#incident-list [aria-pressed="true"]');
        if (last) {
            last.parentElement.parentElement.scrollLeft = last.parentElement.offsetLeft;
        }
    }

    const choice = $("cluster");
    model.clusters.forEach((each, i) => {
        add(choice, "option", "", each.name).value = i;
    });
    $("cluster-choice").hidden = model.clusters.length < 2;
    $("footer").textContent = `pgbaton ${model.pgbaton}${model.file ? `, from ${model.file}` : ""}. Times are UTC, by the clock of the log; phases by the clocks of those who wrote them.`;
    listen();
    const newest = model.clusters.reduce((best, each, i) => {
        const last = (c) => (c.incidents.length ? c.incidents[c.incidents.length - 1].noticed_us : 0);
        return last(each) > last(model.clusters[best]) ? i : best;
    }, 0);
    choice.value = newest;
    open(newest);
    document.documentElement.dataset.ready = "true";
})();
