// The formats of docs/protocol/evidence.md, sections 1 to 10, written from that page alone: nothing here was taken from
// the project's own code. Whatever the page does not allow throws a Refused with the rule that was broken.
import { createHash, createHmac, createPublicKey, pbkdf2Sync, verify as verifySignature } from 'node:crypto'

export class Refused extends Error {}

export function refuse(reason) {
  throw new Refused(reason)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

export function text(bytes) {
  try {
    return utf8.decode(bytes)
  } catch {
    refuse('not UTF-8')
  }
}

// --- section 1: base64, JSON ----------------------------------------------------------------------------------------

export function unbase64(spelled, length) {
  const bytes = Buffer.from(spelled, 'base64')
  if (bytes.toString('base64') !== spelled) refuse('base64 in another spelling than the canonical one')
  if (length !== undefined && bytes.length !== length) refuse(`base64 of ${bytes.length} bytes, not ${length}`)
  return bytes
}

const HASH = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/

function spell(value) {
  if (Array.isArray(value)) return `[${value.map(spell).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const names = Object.keys(value).sort()
  return `{${names.map((name) => `${JSON.stringify(name)}:${spell(value[name])}`).join(',')}}`
}

// Shapes: each is a function that refuses a value it does not know.
const shape = {
  int: (least, most) => (v) => Number.isSafeInteger(v) && v >= least && v <= most || refuse(`${v} is no integer in [${least}, ${most}]`),
  string: (pattern) => (v) => typeof v === 'string' && v.isWellFormed() && pattern.test(v) || refuse(`odd text ${String(v).slice(0, 80)}`),
  list: (of, least, most) => (v) => {
    if (!Array.isArray(v) || v.length < least || v.length > most) refuse(`no list of ${least} to ${most}`)
    v.forEach(of)
  },
  tuple: (...of) => (v) => {
    if (!Array.isArray(v) || v.length !== of.length) refuse(`no list of ${of.length}`)
    of.forEach((one, i) => one(v[i]))
  },
  map: (key, of) => (v) => {
    if (v === null || typeof v !== 'object' || Array.isArray(v)) refuse('no object')
    for (const [name, value] of Object.entries(v)) {
      key(name)
      of(value)
    }
  },
  // A field whose name ends in ? may be left out, and must be where it would be empty.
  object: (fields) => (v) => {
    if (v === null || typeof v !== 'object' || Array.isArray(v)) refuse('no object')
    const known = new Map(Object.entries(fields).map(([name, of]) => [name.replace('?', ''), [of, name.endsWith('?')]]))
    for (const name of Object.keys(v)) if (!known.has(name)) refuse(`unknown field ${name}`)
    for (const [name, [of, optional]] of known) {
      if (!Object.hasOwn(v, name)) {
        if (!optional) refuse(`no field ${name}`)
        continue
      }
      of(v[name])
      if (optional && typeof v[name] === 'object' && Object.keys(v[name]).length === 0) refuse(`${name} is empty`)
    }
  },
}

export { shape }

const most = Number.MAX_SAFE_INTEGER
export const count = shape.int(0, most)
export const millis = count
export const hash = shape.string(HASH)

export function json(line, form) {
  let value
  try {
    value = JSON.parse(line)
  } catch {
    refuse('not JSON')
  }
  form(value)
  if (spell(value) !== line) refuse('JSON in another spelling than the canonical one')
  return value
}

// --- section 2: keys and notes --------------------------------------------------------------------------------------

const p = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const mod = (a) => ((a % p) + p) % p

function power(base, exponent) {
  let result = 1n
  for (let b = mod(base), e = exponent; e; e >>= 1n, b = (b * b) % p) if (e & 1n) result = (result * b) % p
  return result
}

const d = mod(-121665n * power(121666n, p - 2n))
const rootOfMinusOne = power(2n, (p - 1n) / 4n)
const number = (bytes) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)

function point(encoded) {
  const all = number(encoded)
  const y = all & ((1n << 255n) - 1n)
  if (y >= p) refuse('public key: not a canonical encoding')
  const u = mod(y * y - 1n)
  const v = mod(d * y * y + 1n)
  let x = mod(u * power(v, 3n) * power(u * power(v, 7n), (p - 5n) / 8n))
  if (mod(v * x * x) !== u) x = mod(x * rootOfMinusOne)
  if (mod(v * x * x) !== u) refuse('public key: not on the curve')
  const odd = all >> 255n
  if (x === 0n && odd) refuse('public key: not a canonical encoding')
  if ((x & 1n) !== odd) x = mod(-x)
  return [x, y, 1n, mod(x * y)]
}

function add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = mod((y1 - x1) * (y2 - x2))
  const b = mod((y1 + x1) * (y2 + x2))
  const c = mod(2n * d * t1 * t2)
  const e = mod(2n * z1 * z2)
  return [mod((b - a) * (e - c)), mod((e + c) * (b + a)), mod((e - c) * (e + c)), mod((b - a) * (b + a))]
}

function times(scalar, base) {
  let result = [0n, 1n, 1n, 0n]
  for (let b = base, s = scalar; s; s >>= 1n, b = add(b, b)) if (s & 1n) result = add(result, b)
  return result
}

const isIdentity = ([x, y, z]) => x === 0n && y === z

// The y of the eight points of small order, however their sign is written.
const y8 = number(Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex'))
const SMALL = new Set([0n, 1n, p - 1n, y8, p - y8])

const admitted = new Set()

export function admit(publicKey) {
  const name = publicKey.toString('hex')
  if (admitted.has(name)) return
  if (publicKey.length !== 32) refuse('public key: not 32 bytes')
  const at = point(publicKey)
  if (isIdentity(times(8n, at))) refuse('public key: of small order')
  if (!isIdentity(times(L, at))) refuse('public key: not of the prime-order subgroup')
  admitted.add(name)
}

const SPKI = Buffer.from('302a300506032b6570032100', 'hex')

export function ed25519(publicKey, message, signature) {
  if (signature.length !== 64) return false
  const R = number(signature.subarray(0, 32)) & ((1n << 255n) - 1n)
  if (number(signature.subarray(32)) >= L || SMALL.has(R % p)) return false
  const key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' })
  return verifySignature(null, message, key, signature)
}

export const ED25519 = 1
export const COSIGNATURE = 4
export const MLDSA44 = 6
const KEY_LENGTH = { [ED25519]: 32, [COSIGNATURE]: 32, [MLDSA44]: 1312 }
const SIGNATURE_LENGTH = { [ED25519]: 64, [COSIGNATURE]: 72, [MLDSA44]: 2428 }
const KEY_NAME = /^[^\s+\x00-\x1f]+$/u

export function key(name, algorithm, publicKey) {
  if (!KEY_NAME.test(name)) refuse('key: odd name')
  if (publicKey.length !== KEY_LENGTH[algorithm]) refuse(`key ${name}: algorithm or length is not known`)
  if (algorithm !== MLDSA44) admit(publicKey)
  const id = sha256(name, '\n', Buffer.from([algorithm]), publicKey).subarray(0, 4)
  return { name, algorithm, publicKey, id, line: `${name}+${id.toString('hex')}+${Buffer.concat([Buffer.from([algorithm]), publicKey]).toString('base64')}` }
}

export function parseKey(line) {
  const [name, , ...rest] = line.split('+')
  const encoded = rest.join('+')
  const raw = unbase64(encoded)
  const made = key(name, raw[0], raw.subarray(1))
  if (made.line !== line) refuse('key: the key id is of another key')
  return made
}

const seconds = (signature) => signature.readBigUInt64BE(0)

/** Whether the signature is the key's; null where this machine cannot tell (ML-DSA-44). */
function signs(by, noteText, signature) {
  if (signature.length !== SIGNATURE_LENGTH[by.algorithm]) return false
  if (by.algorithm === ED25519) return ed25519(by.publicKey, noteText, signature)
  if (by.algorithm === MLDSA44) return null
  const message = Buffer.concat([Buffer.from(`cosignature/v1\ntime ${seconds(signature)}\n`), noteText])
  return ed25519(by.publicKey, message, signature.subarray(8))
}

export function splitNote(raw) {
  if (raw.length > 65536) refuse('note: too long')
  text(raw)
  if (raw.some((byte) => byte < 0x20 && byte !== 0x0a)) refuse('note: a control character')
  const end = raw.lastIndexOf('\n\n')
  if (end < 0 || raw.at(-1) !== 0x0a || end + 2 === raw.length) refuse('note: no signatures under a text')
  const lines = raw.subarray(end + 2, -1).toString().split('\n')
  if (lines.length > 32) refuse('note: more than 32 signatures')
  const signatures = lines.map((line) => {
    const parts = line.split(' ')
    if (parts.length !== 3 || parts[0] !== '—' || !KEY_NAME.test(parts[1])) refuse('note: malformed signature line')
    const keyed = unbase64(parts[2])
    if (keyed.length < 5) refuse('note: malformed signature line')
    return { name: parts[1], id: keyed.subarray(0, 4), signature: keyed.subarray(4) }
  })
  return { text: raw.subarray(0, end + 1), signatures }
}

/** The text, and for each known key that signed its time in seconds, or null for a signature without one. */
export function openNote(raw, keys) {
  const note = splitNote(raw)
  const by = new Map()
  const unchecked = []
  for (const { name, id, signature } of note.signatures) {
    const known = keys.filter((k) => k.name === name && k.id.equals(id))
    const left = known.filter((k) => !by.has(k.line))
    if (!left.length) continue
    const verdicts = left.map((k) => [k, signs(k, note.text, signature)])
    const signer = verdicts.find(([, verdict]) => verdict)?.[0]
    if (signer) by.set(signer.line, signer.algorithm === ED25519 ? null : Number(seconds(signature)))
    else if (verdicts.some(([, verdict]) => verdict === null)) unchecked.push(name)
    else refuse(`note: the signature by ${name} does not verify`)
  }
  if (!by.size && !unchecked.length) refuse('note: signed by no known key')
  return { text: note.text, by, unchecked }
}

// --- sections 3 and 4: names, key statements ------------------------------------------------------------------------

const HOST = '[a-z0-9](?:[a-z0-9.-]{0,120}[a-z0-9])?'
const NODE = new RegExp(`^${HOST}/detente$`)
const ORIGIN = new RegExp(`^(${HOST})/detente/to/(${HOST})/(flash|ops|track)/([1-9][0-9]{0,8})$`)

export function parseOrigin(origin) {
  const found = ORIGIN.exec(origin)
  if (!found) refuse('no log origin')
  return { writer: `${found[1]}/detente`, reader: `${found[2]}/detente`, lane: found[3], epoch: found[4] }
}

const USES = { env: [ED25519], log: [ED25519], mirror: [COSIGNATURE, MLDSA44], witness: [COSIGNATURE] }
const vkey = shape.string(/^[^]{0,4096}$/)

const STATEMENT = shape.object({
  epoch: shape.int(1, 2 ** 31),
  keys: shape.list(shape.object({ use: shape.string(/^(env|log|mirror|witness)$/), vkey }), 1, 16),
  node: shape.string(NODE),
  prev: shape.string(/^([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)?$/),
  'revoked?': shape.list(shape.object({ after: shape.map(shape.string(/^[^]{0,300}$/), count), vkey }), 0, 64),
  tls: shape.list(hash, 0, 4),
  url: shape.string(/^(wss:\/\/[a-zA-Z0-9.[\]:-]{1,253}\/[a-zA-Z0-9/._-]{0,100})?$/),
  valid: shape.tuple(millis, millis),
})

function oneLine(noteText, head, what) {
  const lines = text(noteText).split('\n')
  if (lines.length !== 3 || lines[0] !== head || lines[2] !== '') refuse(`${what}: not a ${head} of one line`)
  return lines[1]
}

export function statement(raw, root, before) {
  if (raw.length > 32768) refuse('key statement: too long')
  if (root.algorithm !== ED25519) refuse('key statement: a root is Ed25519')
  const opened = openNote(raw, [root])
  const said = json(oneLine(opened.text, 'detente-keys/v1', 'key statement'), STATEMENT)
  if (said.valid[0] >= said.valid[1]) refuse('key statement: valid to no later than from')
  const used = new Set([root.publicKey.toString('hex')])
  said.parsed = said.keys.map(({ use, vkey: line }) => {
    const parsed = parseKey(line)
    if (!USES[use].includes(parsed.algorithm)) refuse('key statement: the algorithm does not serve the use')
    if (!parsed.name.startsWith(`${said.node}/`)) refuse('key statement: a key of another node')
    const bytes = parsed.publicKey.toString('hex')
    if (used.has(bytes)) refuse('key statement: a key serves twice')
    used.add(bytes)
    return { use, key: parsed }
  })
  for (const { vkey: line } of said.revoked ?? []) parseKey(line)
  if (before) {
    if (said.node !== before.said.node) refuse('key statement: of another node than the one before')
    if (said.prev !== sha256(before.raw).toString('base64')) refuse('key statement: prev is not the one before')
    if (said.epoch !== before.said.epoch + 1) refuse('key statement: not the next epoch')
    const kept = new Set((said.revoked ?? []).map(spell))
    if ((before.said.revoked ?? []).some((r) => !kept.has(spell(r)))) refuse('key statement: a revocation is gone')
  }
  return said
}

export const keysFor = (said, use) => said.parsed.filter((k) => k.use === use).map((k) => k.key)
export const newest = (said, use) => keysFor(said, use).filter((k) => k.algorithm !== MLDSA44).at(-1) ?? refuse(`no ${use} key in the statement`)
export const logKey = (said, origin) => key(origin, ED25519, newest(said, 'log').publicKey)

export function isValidAt(said, by, origin, index) {
  return (said.revoked ?? []).every((r) => r.vkey !== by.line || index < (Object.hasOwn(r.after, origin) ? r.after[origin] : 0))
}

const known = new Map()

export function digits(rootLine) {
  if (!known.has(rootLine)) known.set(rootLine, stretch(rootLine))
  return known.get(rootLine)
}

function stretch(rootLine) {
  const raw = pbkdf2Sync(rootLine, 'detente-pair/v1', 600000, 32, 'sha512')
  const spelled = (BigInt(`0x${raw.toString('hex')}`) % 10n ** 30n).toString().padStart(30, '0')
  return spelled.match(/.{5}/g).join(' ')
}

// --- sections 5 and 6: leaves and bodies ----------------------------------------------------------------------------

const KINDS = 'track|alert|hotline|activity|report|decision|ack|displayed|keys|rebase|line_test|policy|incident|proposal|statement|ceasefire|table|escalation|stand_down|watch'
const NAME = shape.string(/^[a-z0-9][a-z0-9./_-]{0,254}$/)

const ENVELOPE = shape.object({
  body: hash,
  by: shape.string(/^[a-z][a-z0-9_-]{0,31}$/),
  'exp?': millis,
  hlc: shape.tuple(millis, count),
  kind: shape.string(new RegExp(`^(${KINDS})$`)),
  log: NAME,
  media: shape.string(/^[a-z0-9][a-z0-9./+-]{0,63}$/),
  pol: hash,
  prec: shape.string(/^[ZOPR]$/),
  prev: hash,
  're?': shape.list(hash, 0, 64),
  'seen?': shape.map(shape.string(/^(flash|ops|track)$/), shape.tuple(count, hash)),
  seq: count,
  size: shape.int(0, 16777216),
  to: NAME,
  ts: millis,
  v: shape.int(1, 1),
})

export const leafHash = (leaf) => sha256('\0', leaf)

/** The envelope of a leaf that one of the keys signed, in the place {log, seq, prev, to}; valid(key) may refuse a key. */
export function openLeaf(leaf, keys, place, valid = () => true) {
  if (leaf.length > 8192) refuse('leaf: too long')
  const note = splitNote(leaf)
  const said = json(oneLine(note.text, 'detente-envelope/v1', 'leaf'), ENVELOPE)
  if (note.signatures.length !== 1) refuse('leaf: not one signature')
  const [{ name, id, signature }] = note.signatures
  const signer = keys.find((k) => k.name === name && k.id.equals(id) && k.algorithm === ED25519 && ed25519(k.publicKey, note.text, signature))
  if (!signer) refuse('leaf: not signed by a key of its writer')
  if (!valid(signer)) refuse('leaf: signed by a revoked key')
  for (const part of ['to', 'log', 'seq', 'prev']) {
    if (place[part] !== undefined && said[part] !== place[part]) refuse(`leaf: ${part} is not that of its place`)
  }
  return said
}

const isTree = (media) => media.endsWith('+tree')

export function commitment(media, salt, body) {
  if (!isTree(media)) {
    if (salt.length !== 16) refuse('body: a salt is 16 bytes')
    return sha256('detente-body/v1\n', salt, body).toString('base64')
  }
  if (salt.length !== 32) refuse('body: a seed is 32 bytes')
  if (body.length && body.at(-1) !== 0x0a) refuse('body: the last item is not ended')
  const leaves = []
  for (let from = 0, to; from < body.length; from = to + 1) {
    to = body.indexOf(0x0a, from)
    const index = Buffer.alloc(4)
    index.writeUInt32BE(leaves.length)
    const itemSalt = createHmac('sha256', salt).update(index).digest().subarray(0, 16)
    leaves.push(leafHash(Buffer.concat([itemSalt, body.subarray(from, to)])))
  }
  return root(leaves).toString('base64')
}

export function checkBody(said, salt, body) {
  if (body.length !== said.size || commitment(said.media, salt, body) !== said.body) refuse('body: not the one committed to')
}

const ITEMS = shape.object({
  count,
  items: shape.list(
    shape.object({ index: count, item: shape.string(/^[^]*$/), proof: shape.list(hash, 0, 63), salt: shape.string(/^[A-Za-z0-9+/]{21}[AQgw]==$/) }),
    0,
    1000,
  ),
})

export function checkItems(said, raw) {
  const shown = json(text(raw), ITEMS)
  if (!isTree(said.media)) refuse('items: of a body that is no tree')
  for (const { index, item, proof, salt } of shown.items) checkItem(said.body, { index, count: shown.count, item, proof, salt })
  return shown.items.length
}

export function checkItem(commits, { index, count: of, item, proof, salt }) {
  const hashed = leafHash(Buffer.concat([unbase64(salt, 16), Buffer.from(item)]))
  if (!includes(hashed, index, of, proof.map((h) => unbase64(h, 32)), unbase64(commits, 32))) refuse('items: not of the body committed to')
}

// --- section 7: the tree --------------------------------------------------------------------------------------------

const nodeHash = (left, right) => sha256('\x01', left, right)
export const EMPTY = sha256('')

export function root(leaves) {
  if (!leaves.length) return EMPTY
  let level = leaves
  while (level.length > 1) {
    const above = []
    // A node without a sibling goes up as it is: the same root as splitting at the largest power of two below the size.
    for (let i = 0; i < level.length; i += 2) above.push(i + 1 < level.length ? nodeHash(level[i], level[i + 1]) : level[i])
    level = above
  }
  return level[0]
}

export function includes(leaf, index, size, path, wanted) {
  if (!(index >= 0 && index < size)) return false
  let [at, last, result] = [BigInt(index), BigInt(size) - 1n, leaf]
  for (const sibling of path) {
    if (last === 0n) return false
    if (at & 1n || at === last) {
      result = nodeHash(sibling, result)
      while (!(at & 1n) && at) [at, last] = [at >> 1n, last >> 1n]
    } else result = nodeHash(result, sibling)
    ;[at, last] = [at >> 1n, last >> 1n]
  }
  return last === 0n && result.equals(wanted)
}

export function extends_(from, to, path, oldRoot, newRoot) {
  if (from > to) return false
  if (from === to) return !path.length && oldRoot.equals(newRoot)
  if (from === 0) return !path.length && oldRoot.equals(EMPTY)
  const hashes = (from & (from - 1)) === 0 ? [oldRoot, ...path] : path
  if (!hashes.length) return false
  let [at, last] = [BigInt(from) - 1n, BigInt(to) - 1n]
  while (at & 1n) [at, last] = [at >> 1n, last >> 1n]
  let [first, second] = [hashes[0], hashes[0]]
  for (const sibling of hashes.slice(1)) {
    if (last === 0n) return false
    if (at & 1n || at === last) {
      first = nodeHash(sibling, first)
      second = nodeHash(sibling, second)
      while (!(at & 1n) && at) [at, last] = [at >> 1n, last >> 1n]
    } else second = nodeHash(second, sibling)
    ;[at, last] = [at >> 1n, last >> 1n]
  }
  return last === 0n && first.equals(oldRoot) && second.equals(newRoot)
}

// --- sections 8 to 10: checkpoints, proofs, tiles -------------------------------------------------------------------

export function checkpoint(raw, log, cosigners) {
  const opened = openNote(raw, [log, ...cosigners])
  const lines = text(opened.text).split('\n')
  const [origin, size, spelled] = lines
  if (lines.length !== 4 || lines[3] !== '' || !/^(0|[1-9][0-9]{0,15})$/.test(size)) refuse('checkpoint: not three lines')
  if (!opened.by.has(log.line) || origin !== log.name) refuse('checkpoint: not signed by the log')
  count(Number(size))
  const cosigned = new Map([...opened.by].filter(([line]) => line !== log.line))
  return { origin, size: Number(size), root: unbase64(spelled, 32), cosigned, unchecked: opened.unchecked }
}

export function parseProof(raw) {
  const spelled = text(raw)
  const end = spelled.indexOf('\n\n')
  const [head, index, ...path] = spelled.slice(0, Math.max(end, 0)).split('\n')
  if (head !== 'c2sp.org/tlog-proof@v1' || !/^index (0|[1-9][0-9]{0,15})$/.test(index ?? '') || path.length > 63) refuse('proof: malformed')
  return { index: Number(index.slice(6)), path: path.map((h) => unbase64(h, 32)), checkpoint: Buffer.from(spelled.slice(end + 2)) }
}

export function tileNumber(n) {
  const groups = [String(n % 1000).padStart(3, '0')]
  for (let rest = Math.floor(n / 1000); rest; rest = Math.floor(rest / 1000)) groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`)
  return groups.join('/')
}

export const tilePath = (level, n, width) => `tile/${level}/${tileNumber(n)}${width < 256 ? `.p/${width}` : ''}`

export function* tiles(size, level) {
  const nodes = Math.floor(size / 256 ** level)
  for (let n = 0; n * 256 < nodes; n += 1) yield { n, width: Math.min(256, nodes - n * 256) }
}

export function unpackEntries(raw) {
  const leaves = []
  for (let at = 0; at < raw.length; ) {
    if (at + 2 > raw.length || at + 2 + raw.readUInt16BE(at) > raw.length) refuse('entry bundle: cut short')
    const stop = at + 2 + raw.readUInt16BE(at)
    leaves.push(raw.subarray(at + 2, stop))
    at = stop
  }
  return leaves
}
