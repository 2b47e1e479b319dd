// Shows /api/status, every two seconds. Everything from the gateway goes in as text, never as markup.
import { chartOf } from './chart.js';
(() => {
  const POLL_MS = 2000, PATIENCE_MS = 5000, STALE_MS = 8000, STALLED_MS = 10000;
  const WORDS = {
    en: {
      well: 'All well', needs: n => n === 1 ? '1 thing needs attention' : n + ' things need attention', wait: 'Asking the gateway…',
      stale: s => `This page is stale: no answer from the gateway for ${s}`,
      stalled: s => `The gateway has stood still for ${s}`,
      staleNext: 'Check power and network of the gateway. What you see below is old.',
      stalledNext: 'Restart the service: systemctl restart facility-gateway. Nothing acknowledged is lost.',
      next: 'Next step: ', alarms: 'Alarms', noAlarms: 'No alarms', raised: 'raised', pending: 'delay running', seen: 'acknowledged', shelved: 'shelved', maintenance: 'maintenance', link: 'link down', since: 'since',
      someAlarms: n => n === 1 ? '1 alarm is raised' : n + ' alarms are raised', show: 'show', limit: 'limit', value: 'value',
      kinds: { locker: 'Parcel lockers', cabinet: 'Cold cabinets', vending: 'Vending machines', meter: 'Energy meters' },
      online: 'online', alarm: 'alarm', silent: 'silent', waiting: 'not heard yet', ago: s => s + ' ago', never: 'never heard', all: 'All values',
      occupied: 'Occupied', faulted: 'Out of order', overdue: 'Overdue', air: 'Air', door: 'Door', defrost: 'Defrost', open: 'open', closed: 'closed',
      on: 'running', off: 'off', mode: 'Mode', status: 'Status', empty: 'Empty lanes', power: 'Power', energy: 'Energy', yes: 'yes', no: 'no',
      quality: { sensor_error: 'sensor fault', comm_error: 'no answer', out_of_range: 'out of range', stale: 'old value', uncertain: 'uncertain' },
      links: 'Connections', link: { broker: 'Broker', bus: 'Bus', database: 'Destination' },
      state: { up: 'connected', connecting: 'not connected', denied: 'refused', stopped: 'stopped' }, lasting: s => 'for ' + s, connects: 'connections made', busy: 'line in use',
      behind: n => `${n} older points follow`, waitsFor: name => `waits for ${name}, which goes first`, perS: 'points/s', goneIn: s => `gone in ${s}`, again: (n, of) => `sent again by order: ${n} of ${of} points`,
      month: (used, of) => `this month ${used} of ${of}`, forecast: bytes => `${bytes} at its end`,
      level: { all: 'everything is sent', thin_readings: 'readings only every 15 minutes', no_readings: 'no readings', no_short: 'neither readings nor short windows', least: 'only alarms, events, days and longer' },
      account: 'Account', rows: { messages: 'Messages', readings: 'Readings', metrics: 'Metrics and events' },
      received: 'received', delivered: 'delivered', buffered: 'buffered', dropped: 'dropped', dead: 'dead-lettered',
      balances: 'balances', missing: n => n + ' missing', tooMany: n => n + ' too many', unrevised: 'days left unrevised: ',
      stores: 'Store', store: { readings: 'Readings', outbox: 'Outbox' }, backlog: 'Backlog', points: 'points', disk: 'On disk', of: 'of', written: 'Written since start',
      commits: 'Commits', room: 'Room without network', unknown: 'not known yet', fault: 'cannot write', writable: 'writable', evicted: 'Deleted unread', thinned: 'Thinned out unread', noDisk: 'Lost while it could not write', full: 'full', damaged: 'Damaged',
      card: 'Card', kind: { sd: 'SD', emmc: 'eMMC', disk: 'disk', virtual: 'virtual disk' }, perDay: 'Written per day', ours: 'by the store',
      life: n => `New card lasts, ${n} cycles assumed`, years: 'years', lifeUsed: 'Life used', spare: 'Spare blocks', worn: 'near its end', noCard: 'Wear not known: ',
      reserve: { normal: 'normal', warning: '80 % used', urgent: 'nearly none' },
      strangers: 'Unknown devices', looks: 'looks like', heard: 'heard', messages: n => `${n} messages`, firstHeard: 'first', shape: 'What it sends', adopt: 'To declare it', via: 'through',
      drops: 'Dropped fields', whole: 'whole message', letters: n => `${n} messages could not be decoded and are kept: `,
      up: 'up', rate: 'messages/s', version: 'Version', updated: 'Updated', units: ['s', 'min', 'h', 'days'],
    },
    zh: {
      well: '一切正常', needs: n => n + ' 项需要处理', wait: '正在连接网关…',
      stale: s => `页面已过期：网关已 ${s}没有应答`, stalled: s => `网关已停滞 ${s}`,
      staleNext: '请检查网关的电源和网络。以下为旧数据。', stalledNext: '请重启服务：systemctl restart facility-gateway。已确认的数据不会丢失。',
      next: '下一步：', alarms: '报警', noAlarms: '无报警', raised: '已触发', pending: '延时中', seen: '已确认', shelved: '已搁置', maintenance: '维护中', link: '链路中断', since: '始于',
      someAlarms: n => n + ' 条报警已触发', show: '查看', limit: '阈值', value: '当前值',
      kinds: { locker: '信包箱', cabinet: '冷柜', vending: '售卖机', meter: '电表' },
      online: '在线', alarm: '报警', silent: '无数据', waiting: '尚未收到', ago: s => s + '前', never: '从未收到', all: '全部数值',
      occupied: '占用', faulted: '故障', overdue: '滞留件', air: '柜温', door: '柜门', defrost: '化霜', open: '打开', closed: '关闭',
      on: '进行中', off: '否', mode: '模式', status: '状态', empty: '缺货货道', power: '功率', energy: '电能', yes: '是', no: '否',
      quality: { sensor_error: '探头故障', comm_error: '无应答', out_of_range: '超出范围', stale: '旧值', uncertain: '不确定' },
      links: '连接', link: { broker: '消息服务器', bus: '总线', database: '转发目标' },
      state: { up: '已连接', connecting: '未连接', denied: '被拒绝', stopped: '已停止' }, lasting: s => '已持续 ' + s, connects: '连接次数', busy: '线路占用',
      behind: n => `还有 ${n} 个较早的点待补发`, waitsFor: name => `等待优先的 ${name} 补发`, perS: '点/秒', goneIn: s => `约 ${s}后补完`, again: (n, of) => `按指令重发：${n} / ${of} 点`,
      month: (used, of) => `本月 ${used} / ${of}`, forecast: bytes => `预计 ${bytes}`,
      level: { all: '全部发送', thin_readings: '原始读数每 15 分钟一条', no_readings: '不发原始读数', no_short: '不发原始读数和短窗口', least: '只发报警、事件和日及以上指标' },
      account: '账目', rows: { messages: '消息', readings: '读数', metrics: '指标与事件' },
      received: '接收', delivered: '送达', buffered: '缓存', dropped: '丢弃', dead: '死信',
      balances: '账目平衡', missing: n => '缺少 ' + n, tooMany: n => '多出 ' + n, unrevised: '未补算天数：',
      stores: '存储', store: { readings: '读数', outbox: '待发' }, backlog: '积压', points: '点', disk: '占用', of: '/', written: '启动后写入',
      commits: '提交次数', room: '可离线时长', unknown: '尚不确定', fault: '无法写入', writable: '可写', evicted: '未送达即删除', thinned: '未送达即抽稀', noDisk: '无法写入时丢失', full: '已满', damaged: '损坏',
      card: '存储卡', kind: { sd: 'SD', emmc: 'eMMC', disk: '磁盘', virtual: '虚拟磁盘' }, perDay: '每天写入', ours: '来自存储',
      life: n => `新卡寿命（假定 ${n} 次擦写）`, years: '年', lifeUsed: '已用寿命', spare: '备用块', worn: '接近寿命终点', noCard: '磨损未知：',
      reserve: { normal: '正常', warning: '已用 80%', urgent: '即将用尽' },
      strangers: '未登记设备', looks: '疑似型号', heard: '最近', messages: n => `${n} 条消息`, firstHeard: '首次', shape: '报文结构', adopt: '登记命令', via: '经由',
      drops: '丢弃字段', whole: '整条消息', letters: n => `${n} 条消息无法解析，已保留：`,
      up: '已运行', rate: '条消息/秒', version: '版本', updated: '更新于', units: ['秒', '分钟', '小时', '天'],
    },
  };
  // Closed sets of words a device may say, in Chinese; English shows the word itself.
  const SAID_ZH = {
    off: '关机', standby: '待机', cooling: '制冷', idle: '保温', defrost: '化霜', drip: '滴水', recovery: '恢复', pull_down: '降温', cleaning: '清洗',
    fault: '故障', unknown: '未知', in_service: '正常', out_of_service: '停用', sold_out: '售罄', health_lockout: '健康锁定', door_open: '门开',
    sensor: '传感器', business: '业务', inferred: '推断',
  };
  const UNITS = { c: '°C', w: 'W', kwh: 'kWh', v: 'V', a: 'A', pct: '%', s: 's', hz: 'Hz', ms: 'ms', dbm: 'dBm', var: 'var', fen: '分' };
  const $ = id => document.getElementById(id);
  const open = new Set();
  let lang = (() => {
    try { const kept = localStorage.getItem('lang'); if (kept in WORDS) return kept; } catch { /* storage may be off */ }
    return (navigator.language || '').toLowerCase().startsWith('zh') ? 'zh' : 'en';
  })();
  let status = null, pressedUntil = 0, answeredAt = performance.now(), movedAt = performance.now(), mono = null;

  const t = () => WORDS[lang];
  const pick = (en, zh) => lang === 'zh' ? zh : en;
  const number = (n, digits = 1) => new Intl.NumberFormat(lang, { maximumFractionDigits: digits }).format(n);
  const bytes = n => n < 1e6 ? number(n / 1e3) + ' kB' : n < 1e9 ? number(n / 1e6) + ' MB' : number(n / 1e9) + ' GB';
  const time = ms => new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' }).format(ms);
  const span = s => {
    const [n, unit] = s < 120 ? [s, 0] : s < 7200 ? [s / 60, 1] : s < 172800 ? [s / 3600, 2] : [s / 86400, 3];
    return `${number(Math.floor(n))} ${t().units[unit]}`;
  };
  const since = ms => span(Math.max(0, (status.gateway.now_ms - ms) / 1000));
  const ago = ms => t().ago(since(ms));
  const el = (tag, name, ...children) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    node.append(...children.filter(child => child !== null && child !== undefined && child !== ''));
    return node;
  };
  const fill = (id, ...children) => $(id).replaceChildren(...children);
  const say = (id, words) => { if ($(id).textContent !== words) $(id).textContent = words; };
  const fact = (name, value, big) => el('div', big ? 'big' : '', el('dt', '', name), el('dd', '', value));
  const state = (level, word) => el('span', 'state ' + level, { ok: '✓ ', warn: '! ', bad: '✕ ', '': '' }[level] + word);
  const bar = (share, label) => {
    const inner = el('span'), outer = el('div', 'bar', inner);
    inner.style.width = Math.min(100, Math.max(0, share * 100)) + '%';
    outer.setAttribute('role', 'img');
    outer.setAttribute('aria-label', label);
    return outer;
  };
  const next = words => el('p', 'next', t().next + words);

  const find = (device, name) => device.values.find(one => one.name === name);
  const unitOf = field => UNITS[field.replace(/_total$/, '').split('_').pop()] || '';
  const shown = one => {
    if (!one) return '–';
    if (one.quality !== 'good') return '– ' + (t().quality[one.quality] || one.quality);
    if (typeof one.value === 'boolean') return one.value ? t().yes : t().no;
    if (typeof one.value !== 'number') return said(one.value);
    const unit = one.field.includes('_') ? unitOf(one.field) : '';
    if (unit === '分') return '¥ ' + number(one.value / 100, 2);
    return number(one.value, 2) + (unit && ' ' + unit);
  };
  const said = word => pick(String(word).replace(/_/g, ' '), SAID_ZH[word] || String(word));

  // A value that was a number can be looked at over time, at an address of its own.
  const value = (device, one, words = shown(one)) => {
    if (!one || typeof one.value === 'string') return words;
    const link = el('a', 'value', words);
    link.href = '#' + [device.id, one.name, one.part].filter(Boolean).map(encodeURIComponent).join('/');
    return link;
  };
  const flag = (device, one, yes, no) => value(device, one, one && one.quality === 'good' ? (one.value ? yes : no) : shown(one));

  const KIND_FACTS = {
    locker: device => {
      const [used, total] = [find(device, 'locker.comp_occupied'), find(device, 'locker.comp_total')];
      const known = used && total && used.quality === 'good' && total.quality === 'good' && total.value > 0;
      const words = known ? `${number(used.value)} / ${number(total.value)}` : shown(used);
      return [
        el('dl', 'facts', fact(t().occupied, value(device, used, words), true),
          fact(t().faulted, value(device, find(device, 'locker.comp_faulted'))), fact(t().overdue, value(device, find(device, 'locker.overdue_now')))),
        known ? bar(used.value / total.value, `${t().occupied} ${words}`) : null,
      ];
    },
    cabinet: device => [el('dl', 'facts',
      fact(device.limit_c === null ? t().air : `${t().air} (${t().limit} ${number(device.limit_c)} °C)`, value(device, find(device, 'cabinet.air_c')), true),
      fact(t().door, flag(device, find(device, 'cabinet.door_open'), t().open, t().closed)),
      fact(t().defrost, flag(device, find(device, 'cabinet.defrost'), t().on, t().off)),
      find(device, 'cabinet.mode') ? fact(t().mode, shown(find(device, 'cabinet.mode'))) : null)],
    vending: device => {
      const lanes = device.values.filter(one => one.name === 'lane.level' && one.quality === 'good');
      return [el('dl', 'facts', fact(t().status, shown(find(device, 'vending.status')), true),
        fact(t().empty, lanes.length ? `${lanes.filter(one => one.value === 0).length} / ${lanes.length}` : '–'),
        find(device, 'vending.air_c') ? fact(t().air, value(device, find(device, 'vending.air_c'))) : null)];
    },
    meter: device => [el('dl', 'facts', fact(t().power, value(device, find(device, 'energy.active_w')), true), fact(t().energy, value(device, find(device, 'energy.energy_kwh_total')), true))],
  };

  const table = device => el('table', '', el('tbody', '', ...device.values.map(one =>
    el('tr', '', el('th', '', pick(one.en, one.zh) + (one.part && ` · ${one.part}`)), el('td', '', value(device, one))))));
  const card = device => {
    const level = device.online ? (device.alarms.length ? 'warn' : 'ok') : device.waiting ? '' : 'bad';
    const word = device.online ? (device.alarms.length ? t().alarm : t().online) : device.waiting ? t().waiting : t().silent;
    const seen = device.last_seen_ms === null ? (device.waiting ? '' : t().never) : ago(device.last_seen_ms);
    const more = el('details', '', el('summary', '', `${t().all} (${device.values.length})`));
    more.open = open.has(device.id);
    if (more.open) more.append(table(device));
    more.addEventListener('toggle', () => {
      more.open ? open.add(device.id) : open.delete(device.id);
      if (more.open && !more.querySelector('table')) more.append(table(device));
    });
    const gap = device.missing;
    const rules = status.alarms.filter(alarm => alarm.device === device.id && alarm.raised && !alarm.held).map(alarm => pick(alarm.en, alarm.zh)).join(' · ');
    const node = el('article', 'card ' + level,
      el('div', 'top', el('h3', '', device.name || device.id), state(level, word)),
      el('p', 'soft', [device.name ? device.id : '', device.profile, seen, device.unrevised_days && t().unrevised + device.unrevised_days].filter(Boolean).join(' · ')),
      rules && el('p', 'state warn', '! ' + rules),
      gap ? el('p', 'soft', `${t().silent}: ${time(gap.from_ms)} – ${gap.to_ms ? time(gap.to_ms) : ''} ${pick(gap.en, gap.zh)}`) : null,
      ...(KIND_FACTS[device.kind] || (() => []))(device).filter(Boolean),
      device.values.length ? more : null);
    return node;
  };
  const urgency = device => device.online ? (device.alarms.length ? 1 : 3) : device.waiting ? 2 : 0;

  const focusOn = (id, href) => {
    for (const node of document.querySelectorAll('[data-id]')) if (node.dataset.id === id) {
      const link = [...node.querySelectorAll('a')].find(one => one.getAttribute('href') === href);
      (link || node.querySelector('summary'))?.focus({ preventScroll: true });
    }
  };

  const drawDevices = () => {
    // Not under a finger: what it lies on would be gone when it is lifted.
    if (performance.now() < pressedUntil) return;
    const focused = document.activeElement, keep = focused && focused.closest('[data-id]') && { id: focused.closest('[data-id]').dataset.id, href: focused.getAttribute('href') };
    fill('devices', ...Object.keys(t().kinds).map(kind => {
      const some = status.devices.filter(device => device.kind === kind);
      if (!some.length) return '';
      some.sort((a, b) => urgency(a) - urgency(b) || (a.id < b.id ? -1 : 1));
      const title = el('h2', '', `${t().kinds[kind]} · ${some.filter(one => one.online).length} / ${some.length} ${t().online}`);
      title.id = 'kind-' + kind;
      const section = el('section', '', title, el('div', 'grid', ...some.map(device => {
        const node = card(device);
        node.dataset.id = device.id;
        return node;
      })));
      section.setAttribute('aria-labelledby', title.id);
      return section;
    }).filter(Boolean));
    if (keep) focusOn(keep.id, keep.href);
  };

  const drawAlarms = () => {
    say('alarms-title', t().alarms);
    const some = [...status.alarms].sort((a, b) => b.raised - a.raised || a.since_ms - b.since_ms);
    fill('alarm-list', ...(some.length ? some.map(alarm => {
      const level = alarm.held || !alarm.raised ? '' : alarm.severity === 'warning' ? 'warn' : 'bad';
      const word = alarm.held ? t()[alarm.held] : !alarm.raised ? t().pending : alarm.acknowledged ? t().seen : t().raised;
      const title = [pick(alarm.en, alarm.zh), alarm.target].filter(Boolean).join(' · ');
      const figure = n => n === null ? '–' : `${number(n)} ${alarm.unit}`.trim();
      const figures = alarm.unit && `${t().value} ${figure(alarm.value)} · ${t().limit} ${figure(alarm.limit)}`;
      return el('li', 'card ' + level, el('div', 'top', el('h3', '', title), state(level, word)),
        el('p', '', alarm.device_name ? `${alarm.device_name} (${alarm.device})` : alarm.device),
        el('p', 'soft', [`${t().since} ${time(alarm.since_ms)} (${ago(alarm.since_ms)})`, figures].filter(Boolean).join(' · ')));
    }) : [el('li', 'soft', t().noAlarms)]));
  };

  const drawLinks = () => {
    say('links-title', t().links);
    const level = { up: 'ok', connecting: 'warn', denied: 'bad', stopped: '' };
    fill('link-list', ...status.links.map(link => el('li', 'card ' + level[link.state],
      el('div', 'top', el('h3', '', t().link[link.kind] + ' ' + link.name), state(level[link.state], t().state[link.state])),
      el('p', 'soft', link.via ? `${link.address} · ${t().via} ${link.via}` : link.address),
      el('p', 'soft', `${t().lasting(since(link.since_ms))} · ${t().connects} ${number(link.connects)}`),
      link.error && link.state !== 'up' ? el('p', '', link.error) : null,
      ...(link.kind === 'database' ? sending(status.forward.find(one => one.name === link.name)) : []),
      link.busy_pct === undefined ? null : el('p', 'soft', `${t().busy} ${number(link.busy_pct)} %`),
      reasons(link.faults))));
  };
  // A backlog, what is sent again, the month's budget: whatever there is.
  const sending = sent => {
    const { backlog, replay, budget, waits_for } = sent || {}, said = parts => el('p', 'soft', parts.filter(Boolean).join(' · '));
    const per = backlog && backlog.points_per_s !== null ? `${number(Math.round(backlog.points_per_s))} ${t().perS}` : null;
    return [
      backlog ? said([t().behind(number(backlog.points)), per, backlog.empty_s === null ? null : t().goneIn(span(backlog.empty_s))]) : null,
      waits_for ? said([t().waitsFor(waits_for)]) : null,
      replay ? said([t().again(number(replay.done_points), number(replay.of_points))]) : null,
      budget ? said([t().month(bytes(budget.used_bytes), bytes(budget.allowed_bytes)), budget.forecast_bytes === null ? null : t().forecast(bytes(budget.forecast_bytes)), t().level[budget.level]]) : null,
    ];
  };
  const reasons = counted => {
    const words = Object.entries(counted).map(([reason, n]) => `${reason} ${number(n)}`).join(', ');
    return words ? el('p', 'soft', words) : null;
  };

  // Nothing is shown of what is not there.
  const section = (id, title, ...children) => {
    const selected = getSelection();
    // Not while a command is being copied.
    if (!selected.isCollapsed && $(id).contains(selected.anchorNode)) return;
    $(id).hidden = !children.length;
    if (children.length) fill(id, el('h2', '', title), ...children);
  };
  const folded = (key, title, ...children) => {
    const more = el('details', '', el('summary', '', title), ...children);
    more.open = open.has(key);
    more.addEventListener('toggle', () => more.open ? open.add(key) : open.delete(key));
    return more;
  };
  const drawStrangers = () => section('strangers', t().strangers, ...status.strangers.map(one => {
    const more = folded(`stranger ${one.broker} ${one.id}`, t().shape, el('p', 'soft', one.shape.join(' · ')));
    return el('div', 'card warn', el('div', 'top', el('h3', '', one.id), el('span', 'soft', `${t().looks} ${one.profile}`)),
      el('p', 'soft', `${one.topic} · ${one.broker}`),
      el('p', 'soft', `${t().heard} ${ago(one.last_ms)} · ${t().firstHeard} ${time(one.first_ms)} · ${t().messages(number(one.messages))}`),
      el('p', '', t().adopt, ' ', el('code', '', one.adopt)), one.shape.length ? more : null);
  }));
  const drawDrops = () => {
    const letters = status.letters.kept ? [el('p', '', t().letters(number(status.letters.kept)), el('code', '', 'facility-gateway deadletter list'))] : [];
    const rows = status.dropped.map(one => el('tr', '', el('th', '', el('b', '', one.device), el('br'), one.place || t().whole, el('br'), el('span', 'soft', pick(one.en, one.zh))),
      el('td', '', number(one.count), el('br'), el('span', 'soft', `${t().since} ${time(one.first_ms)}`))));
    const table = some => el('table', '', el('tbody', '', ...some));
    section('drops', t().drops, ...letters, ...(rows.length ? [table(rows.slice(0, 12))] : []), ...(rows.length > 12 ? [folded('drops', `+ ${rows.length - 12}`, table(rows.slice(12)))] : []));
  };

  const drawAccount = () => {
    say('account-title', t().account);
    fill('account', ...status.accounts.map(row => {
      const ok = row.missing === 0;
      const dropped = Object.values(row.dropped).reduce((a, b) => a + b, 0);
      const terms = [['', t().received, row.received], ['=', t().delivered, row.delivered], ['+', t().buffered, row.buffered], ['+', t().dropped, dropped], ['+', t().dead, row.dead_lettered]];
      const line = ([op, name, n]) => el('div', '', el('dt', '', el('span', 'op', op), name), el('dd', '', number(n)));
      const verdict = ok ? t().balances : row.missing > 0 ? t().missing(number(row.missing)) : t().tooMany(number(-row.missing));
      return el('div', 'card ' + (ok ? 'ok' : 'bad'),
        el('div', 'top', el('h3', '', t().rows[row.name]), state(ok ? 'ok' : 'bad', verdict)),
        el('dl', 'sum', ...terms.map(line)),
        reasons(row.dropped));
    }));
  };

  const drawStores = () => {
    say('stores-title', t().stores);
    const lost = (name, n) => n ? fact(name, `${number(n)} ${t().points}`) : null;
    const verdict = store => store.fault ? t().fault : store.full ? t().full : t().writable;
    const level = store => store.fault || store.full ? 'bad' : 'ok';
    fill('stores', ...status.stores.map(store => el('div', 'card ' + level(store),
      el('div', 'top', el('h3', '', t().store[store.name] || store.name), state(level(store), verdict(store))),
      store.fault ? el('p', '', store.fault) : null,
      el('dl', 'facts', fact(t().backlog, `${number(store.backlog)} ${t().points}`), fact(t().disk, `${bytes(store.bytes_on_disk)} ${t().of} ${bytes(store.bytes_max)}`),
        fact(t().room, store.room_s === null ? t().unknown : span(store.room_s)), fact(t().written, bytes(store.bytes_written)), fact(t().commits, number(store.commits)),
        lost(t().evicted, store.evicted), lost(t().thinned, store.thinned), lost(t().noDisk, store.no_disk), lost(t().damaged, store.damaged)),
      bar(store.bytes_on_disk / Math.max(1, store.bytes_max), t().disk))), wear());
  };
  const wear = () => {
    const { card, written_bytes_per_day: all, store_bytes_per_day: ours, life_years: years, life_used: used, ...rest } = status.wear;
    if (!card) return el('p', 'soft', rest.why_en ? t().noCard + pick(rest.why_en, rest.why_zh) : '');
    const worn = status.conditions.some(one => one.code === 'GW-H008');
    const share = all ? ` · ${number(Math.min(100, ours / all * 100), 0)} % ${t().ours}` : '';
    return el('div', 'card ' + (worn ? 'warn' : ''),
      el('div', 'top', el('h3', '', `${t().card} ${card.device}`), worn ? state('warn', t().worn) : null),
      el('p', 'soft', [t().kind[card.kind], card.name, bytes(card.bytes)].filter(Boolean).join(' · ')),
      el('dl', 'facts', fact(t().perDay, all === null ? t().unknown : bytes(all) + share),
        fact(t().life(number(rest.cycles_assumed)), years === null ? t().unknown : `${years < 100 ? number(years) : '≥ 100'} ${t().years}`),
        used ? fact(t().lifeUsed, used.to_pct === null ? '> 100 %' : `${used.from_pct} – ${used.to_pct} %`) : null,
        rest.reserve ? fact(t().spare, t().reserve[rest.reserve]) : null));
  };

  const drawBanner = () => {
    const silence = performance.now() - answeredAt, still = performance.now() - movedAt;
    const stale = silence > STALE_MS, stalled = !stale && status && still > STALLED_MS;
    document.body.classList.toggle('stale', stale || !!stalled);
    if (stale || stalled) {
      // Whole tens: a screen reader is not told every second.
      const words = span(Math.floor((stale ? silence : still) / 10000) * 10 || 5);
      $('banner').className = 'bad';
      document.title = '✕ facility-gateway';
      say('verdict', '✕ ' + (stale ? t().stale(words) : t().stalled(words)));
      return fill('reasons', el('li', '', next(stale ? t().staleNext : t().stalledNext)));
    }
    if (!status) { $('banner').className = 'wait'; return say('verdict', t().wait); }
    const alarms = status.alarms.filter(alarm => alarm.raised && !alarm.held).length;
    const needs = status.conditions.filter(one => one.severity !== 'info').length + alarms;
    const critical = status.conditions.some(one => one.severity === 'critical');
    $('banner').className = critical ? 'bad' : needs ? 'warn' : 'ok';
    say('verdict', (critical ? '✕ ' : needs ? '! ' : '✓ ') + (needs ? t().needs(needs) : t().well));
    document.title = (needs ? `(${needs}) ` : '') + status.gateway.id;
    const link = el('a', '', t().show);
    link.href = '#alarms';
    fill('reasons',
      ...status.conditions.map(one => el('li', '', el('p', '', el('span', 'code', one.code + ' '), pick(one.en, one.zh)), next(pick(one.hint_en, one.hint_zh)))),
      ...(alarms ? [el('li', '', t().someAlarms(alarms) + ' – ', link)] : []));
  };

  const draw = () => {
    document.documentElement.lang = lang;
    $('language').textContent = pick('中文', 'English');
    $('language').lang = pick('zh', 'en');
    $('language').hidden = false;
    drawBanner();
    if (!status) return;
    const { gateway } = status;
    say('title', gateway.id);
    say('place', [gateway.site, gateway.district_name || gateway.district, gateway.community].filter(Boolean).join(' · '));
    chart.refresh();
    drawAlarms(); drawDevices(); drawLinks(); drawStrangers(); drawDrops(); drawAccount(); drawStores();
    say('foot', `${t().version} ${gateway.version} · ${t().up} ${span(gateway.uptime_s)} · ${number(status.rates.messages_per_s)} ${t().rate} · ${t().updated} ${time(gateway.now_ms)}`);
  };

  // The address says which chart is open: #device/point or #device/point/part.
  const addressed = () => {
    try { return location.hash.slice(1).split('/').map(decodeURIComponent); } catch { return []; }
  };
  let charted = [];
  const follow = () => {
    const [device, point, part = ''] = addressed();
    if (!status || !point) return chart.hide();
    charted = [device, location.hash];
    chart.show(device, point, part);
  };
  const chart = chartOf({
    $, el, fill, say, pick, number, lang: () => lang, value: shown, now: () => status.gateway.now_ms,
    device: id => status.devices.find(device => device.id === id),
    closed: () => {
      if (addressed()[1]) history.replaceState(null, '', location.pathname + location.search);
      focusOn(...charted);
    },
  });
  addEventListener('hashchange', follow);
  addEventListener('pointerdown', () => { pressedUntil = performance.now() + POLL_MS; });
  for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => { pressedUntil = 0; });

  const poll = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch('api/status', { signal: AbortSignal.timeout(PATIENCE_MS), cache: 'no-store' });
        if (!answer.ok) throw new Error(answer.status);
        const isFirst = !status;
        status = await answer.json();
        answeredAt = performance.now();
        if (status.gateway.mono_ms !== mono) { mono = status.gateway.mono_ms; movedAt = answeredAt; }
        draw();
        if (isFirst) follow();
      } catch { drawBanner(); }
    }
    setTimeout(poll, POLL_MS);
  };
  document.addEventListener('visibilitychange', () => {
    // The time in a pocket is not the gateway's silence.
    if (!document.hidden) answeredAt = movedAt = performance.now();
  });
  $('language').addEventListener('click', () => {
    lang = pick('zh', 'en');
    try { localStorage.setItem('lang', lang); } catch { /* storage may be off */ }
    draw();
  });
  draw();
  poll();
})();
