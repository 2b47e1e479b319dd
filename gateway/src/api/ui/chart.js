// The chart of one value: smallest to largest as a band, the mean as a line, what was not heard as a gap. Asks
// /api/history, one question at a time. What comes from the gateway goes in as text or as numbers, never as markup.
const MINUTE_MS = 60e3, DAY_MIN = 1440;
// Length, width of a bucket, minutes between two marks on a narrow and on a wide screen.
const SPANS = [
  { name: 'hours', ms: 120 * MINUTE_MS, bucket: MINUTE_MS / 2, marks: [30, 15] },
  { name: 'day', ms: DAY_MIN * MINUTE_MS, bucket: 5 * MINUTE_MS, marks: [360, 120] },
  { name: 'week', ms: 7 * DAY_MIN * MINUTE_MS, bucket: 30 * MINUTE_MS, marks: [2 * DAY_MIN, DAY_MIN] },
  { name: 'month', ms: 30 * DAY_MIN * MINUTE_MS, bucket: 120 * MINUTE_MS, marks: [7 * DAY_MIN, 3 * DAY_MIN] },
];
const PATIENCE_MS = 12000, NARROW_PX = 560, ROW_PX = 16, CHAR_PX = 7;
const WORDS = {
  en: {
    hours: '2 h', day: '24 h', week: '7 days', month: '30 days', close: 'Close', span: 'Length', wait: 'Asking the gateway…', none: 'Nothing was recorded in this time.',
    mean: 'mean', range: 'smallest to largest', yes: 'share of "yes"', alarm: v => `alarm above ${v}`, gap: 'no data', samples: n => n === '1' ? '1 value' : n + ' values', to: 'to',
    failed: 'The history cannot be shown: ', damaged: n => `${n} blocks of the store cannot be read; there may be holes.`, now: 'now',
    hint: 'Point at the chart, or use the arrow keys, to read a moment.',
  },
  zh: {
    hours: '2 小时', day: '24 小时', week: '7 天', month: '30 天', close: '关闭', span: '时长', wait: '正在读取…', none: '这段时间没有记录。',
    mean: '平均', range: '最低至最高', yes: '“是”的占比', alarm: v => `高于 ${v} 报警`, gap: '无数据', samples: n => n + ' 个值', to: '至',
    failed: '无法显示历史：', damaged: n => `存储中有 ${n} 个数据块无法读取，可能有缺口。`, now: '现在',
    hint: '点按图表或用方向键查看某一时刻。',
  },
};
const niceStep = (span, marks) => {
  const raw = span / marks, power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5].find(n => n * power >= raw) || 10);
};
// Round local times, whatever the clocks do in between.
const timeMarks = (from, to, minutes) => {
  const at = new Date(from), marks = [];
  at.setHours(0, minutes < DAY_MIN ? Math.floor(at.getHours() * 60 / minutes) * minutes : 0, 0, 0);
  for (; at < to; at.setMinutes(at.getMinutes() + minutes)) if (at >= from) marks.push(+at);
  return marks;
};
// Stretches without a hole: a value holds for three intervals.
const stretches = (buckets, width, intervalMs) => {
  const hole = Math.max(width * 1.5, width + 3 * intervalMs), all = [];
  for (const bucket of buckets) {
    const last = all.length && all[all.length - 1];
    if (last && bucket[0] - last[last.length - 1][0] <= hole) last.push(bucket); else all.push([bucket]);
  }
  return all;
};

// `app` lends what it has: $, el, fill, say, pick, lang, number, device (by id), now, value.
export const chartOf = app => {
  const { $, el, fill, say, pick } = app;
  const dialog = $('chart'), plot = $('plot');
  let asked = null, span = SPANS[1], answer = null, askedAt = 0, busy = null, at = null, drawn = null;
  const t = () => WORDS[app.lang()];
  const svg = (tag, name, attributes, text) => {
    const node = document.createElementNS(plot.namespaceURI, tag);
    node.setAttribute('class', name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const clock = (ms, options) => new Intl.DateTimeFormat(app.lang(), { hourCycle: 'h23', ...options }).format(ms);
  const day = ms => clock(ms, { month: pick('short', 'numeric'), day: 'numeric' });
  const hour = ms => clock(ms, { hour: '2-digit', minute: '2-digit' });
  const isBool = () => answer.type === 'bool';
  const scaled = n => isBool() ? n * 100 : answer.unit === 'fen' ? n / 100 : n;
  const unit = () => isBool() ? '%' : answer.unit === 'fen' ? '¥' : answer.unit;
  const figure = (n, digits = 2) => {
    const words = [app.number(scaled(n), digits), unit()].filter(Boolean);
    return (unit() === '¥' ? words.reverse() : words).join(' ');
  };

  const limit = device => device && (answer.name === 'cabinet.air_c' || answer.name.startsWith('cabinet_5m.air_')) ? device.alarm_c : null;
  const scale = (buckets, line) => {
    if (isBool()) return { low: 0, high: 1, step: 0.5, digits: 0 };
    let low = Math.min(...buckets.map(one => one[1]), ...line), high = Math.max(...buckets.map(one => one[2]), ...line);
    if (low === high) { low -= 1; high += 1; }
    const step = niceStep(scaled(high) - scaled(low), 7) / scaled(1);
    return { low: Math.floor(low / step) * step, high: Math.ceil(high / step) * step, step, digits: Math.max(0, -Math.floor(Math.log10(scaled(step)) + 1e-9)) };
  };

  const draw = () => {
    const device = app.device(asked.device), buckets = answer.buckets, line = limit(device), known = typeof line === 'number';
    const width = Math.max(280, plot.clientWidth || 0), height = width < NARROW_PX ? 240 : 320, narrow = width < NARROW_PX;
    const { low, high, step, digits } = scale(buckets.length ? buckets : [[0, 0, 1]], known && buckets.length ? [line] : []);
    const marks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, nth) => low + nth * step);
    const labels = marks.map(mark => app.number(scaled(mark), digits));
    const left = Math.max(...labels.map(label => label.length)) * CHAR_PX + 10, right = width - 6, top = ROW_PX + 6, bottom = height - ROW_PX - 6;
    const { from_ms: from, to_ms: to } = answer;
    const x = ms => left + (ms - from) / (to - from) * (right - left);
    const y = n => bottom - (n - low) / (high - low || 1) * (bottom - top);
    const px = n => n.toFixed(1);
    const nodes = [svg('text', 'mark', { x: 0, y: 12 }, unit())];
    marks.forEach((mark, nth) => nodes.push(
      svg('line', 'grid', { x1: left, x2: right, y1: px(y(mark)), y2: px(y(mark)) }),
      svg('text', 'mark', { x: left - 6, y: px(y(mark) + 4), 'text-anchor': 'end' }, labels[nth])));
    const every = span.marks[narrow ? 0 : 1];
    for (const ms of timeMarks(from, to, every)) {
      const words = every >= DAY_MIN || +new Date(ms).setHours(0, 0, 0, 0) === ms ? day(ms) : hour(ms);
      nodes.push(svg('line', 'grid', { x1: px(x(ms)), x2: px(x(ms)), y1: top, y2: bottom }));
      if (x(ms) > left + 10 && x(ms) < right - 16) nodes.push(svg('text', 'mark', { x: px(x(ms)), y: height - 4, 'text-anchor': 'middle' }, words));
    }
    const intervalMs = (answer.name.includes('_5m.') ? 300 : device ? device.interval_s : 60) * 1000;
    const parts = stretches(buckets, span.bucket, intervalMs), end = part => part[part.length - 1][0] + span.bucket;
    const gap = (a, b) => { if (b > a) nodes.push(svg('rect', 'gap', { x: px(x(a)), y: top, width: px(x(b) - x(a)), height: bottom - top })); };
    const now = Math.min(to, app.now());
    let heard = from;
    for (const part of parts) {
      gap(heard, part[0][0]);
      heard = end(part);
    }
    if (now - heard > 3 * intervalMs || !parts.length) gap(heard, now);
    for (const part of parts) {
      const way = of => [[part[0][0], of(part[0])], ...part.map(one => [one[0] + span.bucket / 2, of(one)]), [Math.min(end(part), now), of(part[part.length - 1])]]
        .map(([ms, n]) => `${px(x(ms))} ${px(y(n))}`);
      if (!isBool()) nodes.push(svg('path', 'band', { d: `M${[...way(one => one[2]), ...way(one => one[1]).reverse()].join('L')}Z` }));
      nodes.push(svg('path', 'mean', { d: 'M' + way(one => one[3]).join('L') }));
    }
    if (known && buckets.length) nodes.push(svg('line', 'limit', { x1: left, x2: right, y1: px(y(line)), y2: px(y(line)) }));
    drawn = { x, y, top, bottom, cross: svg('g', 'cross', {}) };
    plot.setAttribute('viewBox', `0 0 ${width} ${height}`);
    plot.setAttribute('height', height);
    plot.replaceChildren(...nodes, drawn.cross);
    const key = (name, words) => el('li', '', el('span', 'key ' + name), words);
    fill('chart-key', key('mean', isBool() ? t().yes : t().mean), isBool() ? '' : key('band', t().range), known ? key('limit', t().alarm(figure(line))) : '', key('gap', t().gap));
    point();
  };

  // What the reader points at, in words and as a cross.
  const point = () => {
    const { buckets } = answer, nth = at === null ? -1 : buckets.findIndex(one => one[0] >= at), one = buckets[nth < 0 ? buckets.length - 1 : nth];
    plot.setAttribute('aria-valuemax', Math.max(0, buckets.length - 1));
    plot.setAttribute('aria-valuenow', buckets.indexOf(one));
    if (!one || at === null) {
      drawn.cross.replaceChildren();
      plot.setAttribute('aria-valuetext', buckets.length ? t().hint : t().none);
      return say('chart-at', buckets.length ? t().hint : t().none);
    }
    const [ms, min, max, mean, count] = one, middle = ms + span.bucket / 2;
    drawn.cross.replaceChildren(
      svg('line', '', { x1: drawn.x(middle), x2: drawn.x(middle), y1: drawn.top, y2: drawn.bottom }),
      svg('circle', '', { cx: drawn.x(middle), cy: drawn.y(mean), r: 4 }));
    const until = span.bucket > MINUTE_MS ? ` – ${hour(ms + span.bucket)}` : '';
    const words = [`${day(ms)} ${hour(ms)}${until}`, isBool() ? `${t().yes} ${figure(mean, 0)}` : `${t().mean} ${figure(mean)}`,
      isBool() || min === max ? '' : `${figure(min)} ${t().to} ${figure(max)}`, t().samples(app.number(count))].filter(Boolean).join(' · ');
    plot.setAttribute('aria-valuetext', words);
    say('chart-at', words);
  };
  const move = by => {
    const { buckets } = answer, here = at === null ? buckets.length : buckets.findIndex(one => one[0] >= at);
    const nth = Math.min(buckets.length - 1, Math.max(0, here + by));
    if (buckets[nth]) { at = buckets[nth][0]; point(); }
  };
  const KEYS = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -12, PageUp: 12, Home: -Infinity, End: Infinity };
  plot.addEventListener('keydown', event => {
    if (!answer || !(event.key in KEYS)) return;
    event.preventDefault();
    move(KEYS[event.key]);
  });
  const pointAt = event => {
    if (!answer || !answer.buckets.length) return;
    const wanted = plot.viewBox.baseVal.width / plot.clientWidth * (event.clientX - plot.getBoundingClientRect().left);
    const far = one => Math.abs(drawn.x(one[0] + span.bucket / 2) - wanted);
    at = answer.buckets.reduce((best, one) => far(one) < far(best) ? one : best)[0];
    point();
  };
  plot.addEventListener('pointerdown', pointAt);
  plot.addEventListener('pointermove', pointAt);

  const load = async () => {
    const to = Math.ceil(app.now() / span.bucket) * span.bucket, mine = busy = {};
    const { device, point: name, part } = asked;
    const words = new URLSearchParams({ device, point: name, part, from: to - span.ms, to, buckets: span.ms / span.bucket });
    askedAt = performance.now();
    try {
      const reply = await fetch('api/history?' + words, { signal: AbortSignal.timeout(PATIENCE_MS), cache: 'no-store' });
      const got = await reply.json();
      if (busy !== mine) return;
      if (!reply.ok) throw new Error(`${got.error}. ${got.hint}`);
      answer = got;
      title();
      say('chart-note', answer.unreadable ? t().damaged(answer.unreadable) : '');
      draw();
    } catch (error) {
      if (busy === mine) say('chart-note', t().failed + error.message);
    } finally {
      if (busy === mine) busy = null;
    }
  };
  const title = () => {
    const device = app.device(asked.device), one = device && device.values.find(one => one.name === asked.point && one.part === asked.part), of = answer || one;
    say('chart-title', (of ? pick(of.en, of.zh) : asked.point) + (asked.part && ` · ${asked.part}`));
    say('chart-of', [device && device.name, asked.device, one && `${t().now} ${app.value(one)}`].filter(Boolean).join(' · '));
    plot.setAttribute('aria-label', $('chart-title').textContent);
  };
  const begin = () => {
    answer = at = drawn = null;
    plot.replaceChildren();
    fill('chart-key');
    say('chart-at', '');
    say('chart-note', t().wait);
    say('chart-close', t().close);
    $('chart-spans').setAttribute('aria-label', t().span);
    fill('chart-spans', ...SPANS.map(one => {
      const button = el('button', '', t()[one.name]);
      button.type = 'button';
      button.setAttribute('aria-pressed', one === span);
      button.addEventListener('click', () => {
        span = one;
        begin();
        $('chart-spans').children[SPANS.indexOf(one)].focus();
      });
      return button;
    }));
    title();
    load();
  };

  $('chart-close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => { busy = asked = answer = null; app.closed(); });
  addEventListener('resize', () => { if (answer) draw(); });
  return {
    show: (device, name, part) => {
      if (asked && asked.device === device && asked.point === name && asked.part === part) return;
      asked = { device, point: name, part };
      if (!dialog.open) dialog.showModal();
      begin();
    },
    hide: () => { if (dialog.open) dialog.close(); },
    // New buckets come slowly: a long span is asked for seldom.
    refresh: () => {
      if (!asked) return;
      title();
      if (!busy && performance.now() - askedAt > span.bucket / 30) load();
    },
  };
};
