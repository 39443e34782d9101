'use strict';
// Draws one recorded run. All data lies in the page; nothing is loaded. Only the rows in view are drawn.
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const ROW = 24, LEFT = 84, LONG = 300;
const svgNs = 'http://www.w3.org/2000/svg';

// What is drawn: a row for each event but sends, which are the tails of arrows.
const events = data.events;
const sentAt = new Map();
events.forEach(event => { if (event.what === 'sent') sentAt.set(event.name, event); });
let rows = [], rowOf = new Map(), cursor = 0;

// The drawing stays in view; what follows it makes room to scroll.
function size() {
  $('room').style.height = Math.max(rows.length * ROW - $('scroller').clientHeight, 0) + 'px';
}

function isShown(event) {
  if (event.what === 'sent') return false;
  if ($('explain').checked && event.weight !== 'decisive') return false;
  const node = $('node').value;
  return node === '' || event.node === Number(node) || event.from === Number(node) || event.node === undefined;
}

function lay() {
  const kept = rows[cursor];
  rows = events.filter(isShown);
  rowOf = new Map(rows.map((event, row) => [event.i, row]));
  const next = kept ? rows.findIndex(event => event.i >= kept.i) : 0;
  cursor = next < 0 ? Math.max(rows.length - 1, 0) : next;
  size();
}

// The step that sent a message is a row of its own: the last row of the sender up to it.
function rowOfSend(event) {
  const sent = event.name && sentAt.get(event.name);
  if (!sent) return null;
  let low = 0, high = rows.length - 1, found = null;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (rows[middle].i <= sent.i) { found = middle; low = middle + 1; } else high = middle - 1;
  }
  while (found !== null && found >= 0 && rows[found].node !== event.from) found -= 1;
  return found !== null && found >= 0 && rows[found].step === sent.step ? found : null;
}

const millis = nanos => nanos % 1e6 ? (nanos / 1e6).toFixed(2) : String(nanos / 1e6);
const laneX = (node, width) => LEFT + (node + 0.5) * (width - LEFT) / data.nodes;

function element(name, attributes, text) {
  const made = document.createElementNS(svgNs, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  return made;
}

const WORDS = { lost: 'lost: ', fired: 'timer ', marked: 'mark: ', answered: 'answers ' };

function stateOfLane(node, row) {
  for (let place = Math.min(row, rows.length - 1); place >= 0; place -= 1) {
    const event = rows[place];
    if (event.node !== node) continue;
    if (event.what === 'crashed' || event.what === 'abandoned') return 'down';
    return event.what === 'paused' ? 'paused' : 'up';
  }
  return 'up';
}

function draw() {
  const scroller = $('scroller'), drawing = $('drawing');
  const width = Math.max(scroller.clientWidth, 320), height = scroller.clientHeight;
  drawing.setAttribute('width', width);
  drawing.setAttribute('height', height);
  drawing.replaceChildren();
  const first = Math.max(Math.floor(scroller.scrollTop / ROW) - 1, 0);
  const last = Math.min(first + Math.ceil(height / ROW) + 2, rows.length - 1);
  const y = row => row * ROW + ROW / 2 - scroller.scrollTop;
  const cone = coneOf(rows[cursor]);
  const add = (name, attributes, text) => drawing.append(element(name, attributes, text));
  add('rect', { class: 'here', x: 0, y: y(cursor) - ROW / 2, width, height: ROW });
  for (let node = 0; node < data.nodes; node += 1) {
    const state = stateOfLane(node, first);
    add('line', { class: 'lane ' + state, x1: laneX(node, width), x2: laneX(node, width), y1: 0, y2: height });
  }
  // Arrows that begin or end in view, and those that pass through it.
  for (let row = first; row <= Math.min(last + 400, rows.length - 1); row += 1) {
    const event = rows[row];
    if (event.what !== 'took' && event.what !== 'lost') continue;
    const from = rowOfSend(event);
    if (from === null ? row > last : from > last) continue;
    const kind = event.what === 'lost' ? 'arrow lost' : 'arrow';
    const tone = cone.past.has(event.i) ? ' past' : cone.future.has(event.i) ? ' future' : '';
    const y1 = from === null ? y(row) - ROW : y(from);
    add('path', { class: kind + tone, d: `M${laneX(event.from, width)} ${y1} L${laneX(event.node, width)} ${y(row)}` });
  }
  for (let row = first; row <= last; row += 1) {
    const event = rows[row], at = y(row) + 4;
    if (row === first || rows[row - 1].at !== event.at) add('text', { class: 'time', x: 4, y: at }, millis(event.at) + ' ms');
    if (event.node === undefined) {
      add('rect', { class: 'band', x: LEFT, y: y(row) - ROW / 2, width: width - LEFT, height: ROW });
      add('text', { x: LEFT + 6, y: at }, event.line);
      continue;
    }
    const x = laneX(event.node, width);
    const dim = event.weight === 'idle' ? ' dim' : '';
    const sort = { asked: 'request', fired: 'timer', crashed: 'fault', abandoned: 'fault', paused: 'fault', started: 'fault' }[event.what] || '';
    add('circle', { class: 'dot ' + sort + dim, cx: x, cy: y(row), r: 4.5 });
    if (event.step === data.violating && event.what !== 'answered') add('circle', { class: 'bad', cx: x, cy: y(row), r: 9 });
    if (cone.past.has(event.i)) add('circle', { class: 'past', cx: x, cy: y(row), r: 7 });
    if (cone.future.has(event.i)) add('circle', { class: 'future', cx: x, cy: y(row), r: 7 });
    const room = Math.max(Math.floor((width - x - 12) / 7.3), 6), toLeft = room < 18 && x > width / 2;
    const text = (WORDS[event.what] || '') + (event.text || event.short);
    const fits = toLeft ? Math.floor((x - LEFT - 12) / 7.3) : room;
    const label = element('text', { x: toLeft ? x - 10 : x + 10, y: at, class: dim, 'text-anchor': toLeft ? 'end' : 'start' });
    label.textContent = text.length > fits ? text.slice(0, Math.max(fits - 1, 1)) + '…' : text;
    drawing.append(label);
  }
}

// The causal past and future of an event: along lanes, and along messages.
function coneOf(chosen) {
  const past = new Set(), future = new Set();
  if (!chosen || chosen.node === undefined || !coneOf.on) return { past, future };
  const reach = new Map([[chosen.node, chosen.i]]);
  for (let place = chosen.i; place >= 0; place -= 1) {
    const event = events[place];
    if (event.node === undefined || !(reach.get(event.node) >= event.i)) continue;
    past.add(event.i);
    const sent = event.what === 'took' && sentAt.get(event.name);
    if (sent && !(reach.get(sent.node) >= sent.i)) reach.set(sent.node, sent.i);
  }
  const since = new Map([[chosen.node, chosen.i]]), carried = new Set();
  for (let place = chosen.i; place < events.length; place += 1) {
    const event = events[place];
    if (event.what === 'took' && carried.has(event.name) && !since.has(event.node)) since.set(event.node, event.i);
    if (event.node !== undefined && since.get(event.node) <= event.i && event.i !== chosen.i) {
      if (event.what === 'sent') carried.add(event.name); else future.add(event.i);
    } else if (event.i === chosen.i && event.what === 'sent') carried.add(event.name);
  }
  return { past, future };
}

// A `Debug` text on several lines.
function pretty(text) {
  let out = '', depth = 0, quoted = false;
  const short = text.length <= 60;
  if (short) return text;
  for (let place = 0; place < text.length; place += 1) {
    const char = text[place];
    if (char === '"' && text[place - 1] !== '\\') quoted = !quoted;
    if (quoted) { out += char; continue; }
    if ('{[('.includes(char)) {
      const end = closing(text, place);
      if (end - place < 50) { out += text.slice(place, end + 1); place = end; continue; }
      depth += 1;
      out += char + '\n' + '  '.repeat(depth);
      while (text[place + 1] === ' ') place += 1;
    } else if ('}])'.includes(char)) {
      depth = Math.max(depth - 1, 0);
      out = out.trimEnd() + '\n' + '  '.repeat(depth) + char;
    } else if (char === ',') {
      out += ',\n' + '  '.repeat(depth);
      while (text[place + 1] === ' ') place += 1;
    } else out += char;
  }
  return out;
}

function closing(text, open) {
  let depth = 0, quoted = false;
  for (let place = open; place < text.length; place += 1) {
    const char = text[place];
    if (char === '"' && text[place - 1] !== '\\') quoted = !quoted;
    if (quoted) continue;
    if ('{[('.includes(char)) depth += 1;
    if ('}])'.includes(char)) { depth -= 1; if (depth === 0) return place; }
  }
  return text.length;
}

function tell() {
  const event = rows[cursor];
  if (!event) return;
  $('position').textContent = `event ${cursor + 1} of ${rows.length}, step ${event.step}, ${millis(event.at)} ms`;
  $('event-title').textContent = event.short;
  $('event-text').textContent = event.text || '';
  const note = data.notes[event.step];
  $('changed').textContent = note && note.node === event.node ? note.text : 'nothing';
  const waiting = [...sentAt.values()].filter(sent => sent.i <= event.i && !(sent.until <= event.i));
  $('under-way').replaceChildren(...waiting.slice(0, 30).map(sent => Object.assign(document.createElement('li'), { textContent: `${sent.name} ${sent.text}` })));
  if (waiting.length > 30) $('under-way').append(Object.assign(document.createElement('li'), { textContent: `and ${waiting.length - 30} more` }));
  const states = [];
  for (let node = 0; node < data.nodes; node += 1) {
    const box = document.createElement('div');
    box.className = 'node';
    const down = stateOfNode(node, event.i);
    const head = Object.assign(document.createElement('b'), { textContent: `node ${node}${down ? ' ' + down : ''}`, className: down });
    box.append(head);
    const latest = latestNote(node, event.step);
    const fresh = latest && latest.step === event.step;
    for (const [label, text] of latest ? [['memory', latest.memory], ['durable', latest.durable]] : []) {
      if (!text || (label === 'memory' && down === 'down')) continue;
      const part = Object.assign(document.createElement('div'), { className: 'state' + (fresh ? ' fresh' : ''), textContent: `${label}  ${pretty(text)}` });
      box.append(part);
    }
    states.push(box);
  }
  $('states').replaceChildren(...states);
  try { history.replaceState(null, '', '#step=' + event.step); } catch { /* some browsers refuse it for files */ }
}

function stateOfNode(node, until) {
  for (let place = until; place >= 0; place -= 1) {
    const event = events[place];
    if (event.node !== node) continue;
    if (event.what === 'crashed' || event.what === 'abandoned') return 'down';
    if (event.what === 'paused') return 'paused';
    if (event.what !== 'lost' && event.what !== 'unheard') return '';
  }
  return '';
}

const notesOf = [];
for (const step in data.notes) (notesOf[data.notes[step].node] ||= []).push({ step: Number(step), ...data.notes[step] });
notesOf.forEach(notes => notes.sort((one, other) => one.step - other.step));
function latestNote(node, step) {
  let found = null;
  for (const note of notesOf[node] || []) { if (note.step > step) break; found = note; }
  return found;
}

function drawCurve() {
  const curve = $('curve');
  if (!data.moments.length) { curve.style.display = 'none'; return; }
  const last = Math.max(events.length - 1, 1);
  curve.setAttribute('viewBox', `0 0 ${last} 100`);
  const place = step => Math.max(events.findIndex(event => event.step >= step), 0);
  const moments = [...data.moments].sort((one, other) => one.step - other.step);
  let path = `M0 ${100 - moments[0].before}`;
  for (const moment of moments) path += ` H${place(moment.step)} V${98 - moment.after * 0.96}`;
  curve.replaceChildren(element('path', { class: 'share', d: path + ` H${last}` }), element('line', { class: 'cursor', x1: 0, x2: 0, y1: 0, y2: 100 }));
}

function go(row) {
  if (!rows.length) return;
  cursor = Math.min(Math.max(row, 0), rows.length - 1);
  const scroller = $('scroller'), top = cursor * ROW;
  if (top < scroller.scrollTop + ROW || top > scroller.scrollTop + scroller.clientHeight - 2 * ROW) {
    scroller.scrollTop = top - scroller.clientHeight / 2;
  }
  const line = document.querySelector('#curve .cursor');
  if (line) { line.setAttribute('x1', rows[cursor].i); line.setAttribute('x2', rows[cursor].i); }
  draw();
  tell();
}

const toStep = step => { const row = rows.findIndex(event => event.step >= step); go(row < 0 ? rows.length - 1 : row); };
function alongNode(by) {
  const node = rows[cursor].node;
  for (let row = cursor + by; row >= 0 && row < rows.length; row += by) if (rows[row].node === node) return go(row);
}
function find(by) {
  const text = $('find').value.toLowerCase();
  if (!text) return;
  for (let count = 1; count <= rows.length; count += 1) {
    const row = (cursor + by * count + rows.length * count) % rows.length;
    if (rows[row].line.toLowerCase().includes(text)) return go(row);
  }
}

$('verdict').textContent = data.violation ? `VIOLATED ${data.violation.check}: ${data.violation.summary}` : 'clean';
if (!data.violation) $('verdict').className = 'clean';
document.title = data.violation ? `${data.violation.check} · ${data.system}` : data.system;
$('because').replaceChildren(...data.because.map(text => Object.assign(document.createElement('li'), { textContent: text })));
$('facts').textContent = [data.system, data.shrunk, data.twin && 'twin: ' + data.twin, data.pivot && 'pivot: ' + data.pivot].filter(Boolean).join(' · ');
$('plan').textContent = data.plan;
for (let node = 0; node < data.nodes; node += 1) {
  $('lanes').append(Object.assign(document.createElement('span'), { textContent: 'node ' + node }));
  $('node').append(new Option('node ' + node, node));
}
$('first').onclick = () => go(0);
$('last').onclick = () => go(rows.length - 1);
$('next').onclick = () => go(cursor + 1);
$('previous').onclick = () => go(cursor - 1);
$('to-violation').onclick = () => toStep(data.violating);
$('to-pivot').onclick = () => { if (data.moments.length) toStep(data.moments[0].step); };
$('explain').onchange = $('node').onchange = () => { lay(); go(cursor); };
$('find').onkeydown = event => { if (event.key === 'Enter') find(event.shiftKey ? -1 : 1); event.stopPropagation(); };
$('copy').onclick = () => { if (navigator.clipboard) navigator.clipboard.writeText(data.replay); };
$('scroller').onscroll = () => draw();
$('drawing').onclick = event => {
  const box = $('drawing').getBoundingClientRect();
  coneOf.on = true;
  go(Math.floor((event.clientY - box.top + $('scroller').scrollTop) / ROW));
};
window.onresize = () => { size(); go(cursor); };
window.onkeydown = event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === 'SELECT') return;
  const keys = {
    ArrowRight: () => go(cursor + 1), ArrowLeft: () => go(cursor - 1), ArrowDown: () => go(cursor + 1), ArrowUp: () => go(cursor - 1),
    Home: () => go(0), End: () => go(rows.length - 1), n: () => alongNode(1), p: () => alongNode(-1),
    v: () => $('to-violation').click(), t: () => $('to-pivot').click(), e: () => $('explain').click(),
    '/': () => $('find').focus(), Escape: () => { coneOf.on = false; draw(); },
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
};
window.onhashchange = () => { const step = /step=(\d+)/.exec(location.hash); if (step) toStep(Number(step[1])); };
drawCurve();
// Of a long run only what matters is shown at first.
$('explain').checked = events.length > LONG && events.some(event => event.weight === 'idle');
lay();
const linked = /step=(\d+)/.exec(location.hash);
toStep(linked ? Number(linked[1]) : data.violation ? data.violating : 0);
