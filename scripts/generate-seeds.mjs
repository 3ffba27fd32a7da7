// Writes seeds/session_events.csv and seeds/user_profiles.csv: three days of a small shop's click stream that end just
// before var('as_of'). Deterministic: the same files on every machine.
//
//   node scripts/generate-seeds.mjs
import { writeFileSync } from 'node:fs';

const AS_OF = Date.UTC(2026, 2, 2, 18, 0, 0);
const DAY = 86_400_000;
const MINUTE = 60_000;
const USERS = 180;
/** Sessions started on the Saturday, the Sunday and the Monday (until 18:00). */
const SESSIONS_PER_DAY = [170, 150, 240];

/** mulberry32: a generator with 32 bits of state, the same on every machine. */
function createRandom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const between = (low, high) => low + Math.floor(next() * (high - low + 1));
  const pick = (list) => list[between(0, list.length - 1)];
  const weighted = (pairs) => {
    let left = next() * pairs.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [value, weight] of pairs) {
      left -= weight;
      if (left < 0) return value;
    }
    return pairs[pairs.length - 1][0];
  };
  return { next, between, pick, weighted };
}

const random = createRandom(20260302);
const stamp = (ms) => new Date(ms).toISOString().replace('T', ' ').slice(0, 23);
const cell = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const csv = (header, rows) =>
  [header, ...rows].map((row) => row.map((v) => cell(String(v ?? ''))).join(',')).join('\n') + '\n';

const FIRST = [
  'ada',
  'bela',
  'chen',
  'dana',
  'emil',
  'farah',
  'goran',
  'hana',
  'ivo',
  'june',
  'kofi',
  'lena',
  'mei',
  'nils',
  'olga',
  'pablo',
  'rosa',
  'sami',
  'tova',
  'yuki',
];
const COUNTRIES = [
  ['DE', 28],
  ['US', 24],
  ['GB', 14],
  ['FR', 12],
  ['NL', 8],
  ['BR', 6],
  ['JP', 5],
  ['IN', 3],
];

const users = Array.from({ length: USERS }, (_, i) => {
  const signup = AS_OF - random.between(3, 900) * DAY;
  return {
    userId: `u${String(i + 1).padStart(4, '0')}`,
    username: `${FIRST[i % FIRST.length]}_${random.between(10, 99)}`,
    accountType: random.weighted([
      ['free', 70],
      ['pro', 24],
      ['enterprise', 6],
    ]),
    country: random.weighted(COUNTRIES),
    signup,
    updatedAt: Math.min(signup + random.between(0, 800) * DAY, AS_OF - DAY) + random.between(0, 86_399) * 1000,
  };
});

const PRODUCTS = Array.from({ length: 24 }, (_, i) => ({
  sku: `sku-${String(i + 1).padStart(3, '0')}`,
  price: random.between(5, 180) + 0.9,
}));
const REFERRERS = [
  ['', 34],
  ['https://www.google.com/', 34],
  ['https://news.example.org/deals', 10],
  ['https://mail.example.com/', 12],
  ['https://social.example.net/p/812', 10],
];
const AGENTS = [
  ['desktop', 55],
  ['mobile', 38],
  ['tablet', 7],
];
/** More sessions start in the afternoon and the evening. */
const HOURS = Array.from({ length: 24 }, (_, hour) => [hour, hour < 6 ? 1 : hour < 9 ? 4 : hour < 18 ? 8 : 10]);

const events = [];
let eventCount = 0;

function addEvent(session, type, at, page, payload) {
  eventCount += 1;
  // Most events arrive within seconds. One in fifty is up to three hours late (a phone in a tunnel), but never after
  // as_of.
  const late = random.next() < 0.02 ? random.between(10, 180) * MINUTE : random.between(200, 8000);
  events.push({
    eventId: `e${String(eventCount).padStart(6, '0')}`,
    sessionId: session.id,
    // A user who is not logged in has no user id yet; the session receives it at login.
    userId: session.loggedIn ? session.user.userId : '',
    type,
    at,
    page,
    referrer: session.referrer,
    payload: JSON.stringify(payload),
    processedAt: Math.min(at + late, AS_OF - 1000),
  });
  session.referrer = `https://shop.example.com${page}`;
}

function addSession(number, begin) {
  const session = {
    id: `s${String(number).padStart(5, '0')}`,
    user: random.pick(users),
    loggedIn: random.next() < 0.85,
    referrer: random.weighted(REFERRERS),
  };
  const device = random.weighted(AGENTS);
  let at = begin;
  const step = (low, high) => {
    at += random.between(low, high) * 1000 + random.between(0, 999);
    return at < AS_OF - 20_000;
  };
  addEvent(
    session,
    'session_start',
    at,
    random.weighted([
      ['/', 50],
      ['/sale', 25],
      ['/search?q=lamp', 25],
    ]),
    { device },
  );
  const steps = random.weighted([
    [0, 8],
    [2, 20],
    [4, 30],
    [7, 24],
    [11, 12],
    [16, 6],
  ]);
  let basket = null;
  for (let i = 0; i < steps; i += 1) {
    if (!step(4, 210)) return;
    const product = random.pick(PRODUCTS);
    if (!session.loggedIn) {
      session.loggedIn = true;
      addEvent(session, 'login', at, '/login', { method: random.pick(['password', 'link']) });
    } else if (random.next() < 0.14) {
      basket = product;
      addEvent(session, 'add_to_cart', at, `/p/${product.sku}`, { sku: product.sku, price: product.price });
    } else {
      addEvent(
        session,
        'page_view',
        at,
        random.weighted([
          [`/p/${product.sku}`, 60],
          ['/', 12],
          ['/sale', 14],
          ['/help, contact', 4],
          ['/account', 10],
        ]),
        { device },
      );
    }
  }
  if (basket && session.loggedIn && random.next() < 0.55 && step(20, 120)) {
    addEvent(session, 'purchase', at, '/checkout/done', { sku: basket.sku, price: basket.price, currency: 'EUR' });
  }
  // A tab that is used again after 35 to 90 minutes: one session_id, two sessions for user_sessions.
  if (steps > 4 && random.next() < 0.06 && step(35 * 60, 90 * 60))
    addEvent(session, 'page_view', at, '/account', { device });
}

let sessionCount = 0;
SESSIONS_PER_DAY.forEach((count, day) => {
  const midnight = Date.UTC(2026, 1, 28 + day);
  const begins = [];
  while (begins.length < count) {
    const begin = midnight + random.weighted(HOURS) * 3_600_000 + random.between(0, 3_599_999);
    if (begin < AS_OF - 2 * MINUTE) begins.push(begin);
  }
  for (const begin of begins.sort((a, b) => a - b)) addSession((sessionCount += 1), begin);
});

// A loader with at-least-once delivery delivers some events twice.
const twice = events
  .filter(() => random.next() < 0.005)
  .map((e) => ({ ...e, processedAt: Math.min(e.processedAt + 90_000, AS_OF - 1000) }));
const rows = [...events, ...twice].sort((a, b) => a.processedAt - b.processedAt || (a.eventId < b.eventId ? -1 : 1));

writeFileSync(
  new URL('../seeds/session_events.csv', import.meta.url),
  csv(
    [
      'event_id',
      'session_id',
      'user_id',
      'event_type',
      'event_ts',
      'page_url',
      'referrer_url',
      'payload',
      'processing_ts',
    ],
    rows.map((e) => [
      e.eventId,
      e.sessionId,
      e.userId,
      e.type,
      stamp(e.at),
      e.page,
      e.referrer,
      e.payload,
      stamp(e.processedAt),
    ]),
  ),
);
writeFileSync(
  new URL('../seeds/user_profiles.csv', import.meta.url),
  csv(
    ['user_id', 'username', 'account_type', 'signup_date', 'country', 'updated_at'],
    // One user in sixty has no profile yet: user_sessions must keep that user's sessions.
    users
      .filter((_, i) => i % 60 !== 59)
      .map((u) => [u.userId, u.username, u.accountType, stamp(u.signup).slice(0, 10), u.country, stamp(u.updatedAt)]),
  ),
);
console.log(`${rows.length} events (${twice.length} of them twice) in ${sessionCount} sessions, ${users.length} users`);
