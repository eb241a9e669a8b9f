// Section 11 of docs/protocol/evidence.md: the dossier and its verification. No network, and no file is ever written.
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import * as e from './evidence.mjs'
import { refuse, Refused, shape } from './evidence.mjs'

const FILES = 10000
const FILE = 256 * 2 ** 20
const TOTAL = 4 * 2 ** 30
const EXHIBITS = 2400

const isName = (name) => /^[A-Za-z0-9][A-Za-z0-9./-]{0,120}$/.test(name) && name.split('/').every((part) => part && !part.startsWith('.'))

// --- files ----------------------------------------------------------------------------------------------------------

export function openFolder(folder) {
  const sizes = new Map()
  const walk = (beneath) => {
    for (const name of readdirSync(join(folder, beneath))) {
      const path = beneath ? `${beneath}/${name}` : name
      const found = lstatSync(join(folder, path))
      if (found.isDirectory()) walk(path)
      else if (!found.isFile() || !isName(path) || found.size > FILE || sizes.size >= FILES) refuse(`${path} is no file of a dossier`)
      else sizes.set(path, found.size)
    }
  }
  walk('')
  if ([...sizes.values()].reduce((a, b) => a + b, 0) > TOTAL) refuse('more than 4 GiB')
  return { names: () => [...sizes.keys()], has: (name) => sizes.has(name), read: (name) => readFileSync(join(folder, name)) }
}

export function openZip(path) {
  const fd = openSync(path, 'r')
  const { size } = fstatSync(fd)
  const read = (at, length) => {
    const into = Buffer.alloc(length)
    if (at < 0 || readSync(fd, into, 0, length, at) !== length) refuse('zip: cut short')
    return into
  }
  const tail = read(Math.max(0, size - 22), Math.min(22, size))
  if (tail.length < 22 || tail.readUInt32LE(0) !== 0x06054b50) refuse('zip: no end of its directory')
  const [listed, length, start] = [tail.readUInt16LE(10), tail.readUInt32LE(12), tail.readUInt32LE(16)]
  if (tail.readUInt16LE(20) || start + length + 22 !== size) refuse('zip: bytes that are of no file')
  if (listed > FILES) refuse('zip: too many files')
  const directory = read(start, length)
  const files = new Map()
  let [at, total] = [0, 0]
  for (let i = 0; i < listed; i += 1) {
    if (at + 46 > length || directory.readUInt32LE(at) !== 0x02014b50) refuse('zip: its directory is cut short')
    const [flags, method] = [directory.readUInt16LE(at + 8), directory.readUInt16LE(at + 10)]
    const [packed, plain, offset] = [20, 24, 42].map((o) => directory.readUInt32LE(at + o))
    const [nameLength, extra, comment] = [28, 30, 32].map((o) => directory.readUInt16LE(at + o))
    const mode = directory.readUInt32LE(at + 38) >>> 16
    const name = directory.subarray(at + 46, at + 46 + nameLength).toString('latin1')
    total += plain
    if (method || flags & ~0x800 || packed !== plain || plain > FILE || total > TOTAL || ![0, 0o100644].includes(mode) || !isName(name) || files.has(name)) {
      refuse(`zip: ${JSON.stringify(name)} is not a plain stored file of a dossier`)
    }
    files.set(name, { offset, plain })
    at += 46 + nameLength + extra + comment
  }
  let end = 0
  for (const [name, { offset, plain }] of [...files].sort(([, a], [, b]) => a.offset - b.offset)) {
    if (offset !== end) refuse(`zip: bytes before ${name} are of no file`)
    const head = read(offset, 30)
    end += 30 + head.readUInt16LE(26) + head.readUInt16LE(28) + plain
  }
  if (end !== start || at !== length) refuse('zip: bytes behind its last file are of no file')
  const readFile = (name) => {
    const { offset, plain } = files.get(name)
    const head = read(offset, 30)
    const nameLength = head.readUInt16LE(26)
    if (head.readUInt32LE(0) !== 0x04034b50 || head.readUInt16LE(8) || read(offset + 30, nameLength).toString('latin1') !== name) refuse(`zip: ${name}: two headers differ`)
    return read(offset + 30 + nameLength + head.readUInt16LE(28), plain)
  }
  return { names: () => [...files.keys()], has: (name) => files.has(name), read: readFile, close: () => closeSync(fd) }
}

// --- manifest -------------------------------------------------------------------------------------------------------

const short = (most) => shape.string(new RegExp(`^[^]{0,${most}}$`, 'u'))

const MANIFEST = shape.object({
  at: e.millis,
  by: short(140),
  logs: shape.list(
    shape.object({ form: shape.string(/^(tiles|exhibits)$/), held: e.count, origin: short(300), start: e.count, stop: e.count }),
    1,
    256,
  ),
  parties: shape.list(
    shape.object({ node: short(140), party: shape.string(/^[a-z][a-z0-9-]{0,31}$/), root: short(4096), statements: shape.int(1, 99) }),
    1,
    64,
  ),
  sums: e.hash,
  'window?': shape.tuple(e.millis, e.millis),
})

function readManifest(raw) {
  const lines = e.text(e.splitNote(raw).text).split('\n')
  if (lines.length !== 3 || lines[0] !== 'detente-dossier/v1') refuse('not a detente-dossier/v1 of one line')
  return e.json(lines[1], MANIFEST)
}

function readSums(raw) {
  const sums = new Map()
  for (const line of raw.toString('latin1').split('\n').slice(0, -1)) {
    const found = /^([0-9a-f]{64}) {2}(\S+)$/.exec(line)
    if (!found || !isName(found[2]) || sums.has(found[2])) refuse('odd line')
    sums.set(found[2], found[1])
  }
  const names = [...sums.keys()]
  if (raw.length && raw.at(-1) !== 0x0a) refuse('the last line is not ended')
  if (names.some((name, i) => i && names[i - 1] >= name) || names.length > FILES) refuse('not in order, or too long')
  return sums
}

const three = (n, width = 3) => String(n).padStart(width, '0')

// --- verification ---------------------------------------------------------------------------------------------------

/** {outcome: 0 holds | 1 fails | 2 unknown root, failures: [[exhibit, reason]], notes: [text]}. */
export function verify(files, typed) {
  const failures = []
  const notes = []
  const fail = (exhibit, reason) => failures.push([exhibit, reason])
  const guarded = (exhibit, act) => {
    try {
      return act()
    } catch (wrong) {
      if (!(wrong instanceof Refused)) throw wrong
      fail(exhibit, wrong.message)
      return undefined
    }
  }
  let where = 'manifest.note'
  const read = (name) => {
    where = name
    return files.has(name) ? files.read(name) : refuse('missing')
  }
  let manifest
  let sums
  const parties = new Map()
  try {
    const raw = read('manifest.note')
    manifest = readManifest(raw)
    manifest.parties.forEach((listed, n) => {
      where = 'manifest.note'
      const root = e.parseKey(listed.root)
      if (root.name !== `${listed.node}/root` || parties.has(listed.node)) refuse('no root of its node, or a party twice')
      const chain = []
      for (let s = 0; s < listed.statements; s += 1) {
        const note = read(`keys/${three(n)}/${three(s)}.note`)
        const said = e.statement(note, root, chain.at(-1))
        if (s === 0 && said.prev !== '') refuse('the statements do not begin at the first')
        if (said.node !== listed.node) refuse('a statement of another node')
        chain.push({ raw: note, said })
      }
      parties.set(listed.node, chain.map((link) => link.said))
    })
    where = 'manifest.note'
    checkShape(manifest, parties)
    e.openNote(raw, parties.get(manifest.by).flatMap((said) => e.keysFor(said, 'env')))
    const listing = read('SHA256SUMS')
    if (e.sha256(listing).toString('base64') !== manifest.sums) refuse('not the one the manifest names')
    sums = readSums(listing)
  } catch (wrong) {
    if (!(wrong instanceof Refused)) throw wrong
    return { outcome: 1, failures: [[where, wrong.message]], notes }
  }
  for (const { party, root } of manifest.parties) {
    const wanted = e.digits(root).replaceAll(' ', '')
    if ((typed[party] ?? '').replace(/[\s-]/g, '') !== wanted) failures.push([party, 'unknown root'])
  }
  if (failures.length) return { outcome: 2, failures, notes }

  const used = new Set(['manifest.note', 'SHA256SUMS'])
  const has = (name) => files.has(name) || sums.has(name)
  const take = (name) => {
    used.add(name)
    const content = guarded(name, () => (files.has(name) ? files.read(name) : refuse('missing')))
    if (content && e.sha256(content).toString('hex') !== sums.get(name)) fail(name, 'changed: not what SHA256SUMS lists')
    return content
  }
  manifest.parties.forEach((listed, n) => {
    for (let s = 0; s < listed.statements; s += 1) take(`keys/${three(n)}/${three(s)}.note`)
  })
  guarded('policy.txt', () => {
    if (take('policy.txt')?.toString() !== policy(manifest, parties)) refuse('does not follow from the statements')
  })

  const trees = new Map()
  const seen = []
  let exhibit = 0
  manifest.logs.forEach((listed, n) => {
    const log = new Log(listed, parties, fail, notes)
    if (listed.form === 'tiles') trees.set(listed.origin, log.tiles(`logs/${three(n)}/`, take, has))
    else {
      log.exhibits(exhibit, take, has)
      exhibit += listed.stop - listed.start
    }
    seen.push(...log.seen)
    log.summarise()
  })
  for (const { origin, index, other, size, root } of seen) {
    const leaves = trees.get(other)
    if (leaves && size <= leaves.length && e.root(leaves.slice(0, size)).toString('base64') !== root) {
      fail(`${origin} leaf ${index}`, `saw another root of ${other} at ${size}: two histories`)
    }
  }
  for (const name of new Set([...files.names(), ...sums.keys()])) if (!used.has(name)) fail(name, 'not accounted for')
  return { outcome: failures.length ? 1 : 0, failures, notes }
}

function checkShape(manifest, parties) {
  if (!parties.has(manifest.by)) refuse('its maker is not among its parties')
  if (new Set(manifest.parties.map((l) => l.party)).size !== manifest.parties.length) refuse('two parties of one name')
  if (new Set(manifest.logs.map((l) => l.origin)).size !== manifest.logs.length) refuse('a log twice')
  for (const { form, origin, start, stop } of manifest.logs) {
    const { writer, reader } = e.parseOrigin(origin)
    if (!parties.has(writer) || !parties.has(reader)) refuse('a log of somebody who is not among the parties')
    if (stop < start || (form === 'exhibits' && stop - start > EXHIBITS) || (form === 'tiles' && start)) refuse('no run of leaves')
  }
}

function policy(manifest, parties) {
  const host = (node) => node.slice(0, -'/detente'.length)
  const readers = new Map()
  let lines = ''
  for (const { origin } of manifest.logs) {
    const { writer, reader } = e.parseOrigin(origin)
    lines += `log ${e.logKey(parties.get(writer).at(-1), origin).line}\n`
    readers.set(host(reader), e.newest(parties.get(reader).at(-1), 'mirror').line)
  }
  const hosts = [...readers.keys()].sort()
  for (const name of hosts) lines += `witness ${name} ${readers.get(name)}\n`
  return `${lines}group mirrors any ${hosts.join(' ')}\nquorum mirrors\n`
}

class Log {
  constructor(listed, parties, fail, notes) {
    const { writer, reader, epoch } = e.parseOrigin(listed.origin)
    Object.assign(this, { listed, writer, reader, epoch, fail, notes, seen: [], missing: [], unchecked: new Set() })
    this.statements = parties.get(writer)
    this.env = this.statements.flatMap((said) => e.keysFor(said, 'env'))
    this.mirrors = parties.get(reader).flatMap((said) => e.keysFor(said, 'mirror'))
    this.readersNewest = parties.get(reader).at(-1)
    this.heads = new Map()
    this.opened = new Map()
    this.receipt = { size: 0, at: 0 }
  }

  guarded(where, act) {
    try {
      return act()
    } catch (wrong) {
      if (!(wrong instanceof Refused)) throw wrong
      this.fail(`${this.listed.origin} ${where}`, wrong.message)
      return undefined
    }
  }

  head(note) {
    const known = this.opened.get(note.toString('latin1'))
    if (known) return known
    let head
    let wrong
    const newest = this.statements.at(-1)
    for (const listed of this.statements.flatMap((said) => e.keysFor(said, 'log'))) {
      try {
        head = e.checkpoint(note, e.key(this.listed.origin, e.ED25519, listed.publicKey), this.mirrors)
        if (!e.isValidAt(newest, listed, this.listed.origin, head.size - 1)) refuse('checkpoint: signed by a revoked key')
        break
      } catch (refused) {
        if (!(refused instanceof Refused)) throw refused
        head = undefined
        wrong = refused
      }
    }
    if (!head) throw wrong
    for (const mirror of this.mirrors) {
      if (!e.isValidAt(this.readersNewest, mirror, head.origin, Math.max(0, head.size - 1))) head.cosigned.delete(mirror.line)
    }
    const other = this.heads.get(head.size)
    if (other && !other.equals(head.root)) refuse(`two roots are signed at ${head.size}: two histories`)
    this.heads.set(head.size, head.root)
    if (head.cosigned.size && head.size > this.receipt.size) this.receipt = { size: head.size, at: Math.min(...head.cosigned.values()) }
    head.unchecked.forEach((name) => this.unchecked.add(name))
    this.opened.set(note.toString('latin1'), head)
    return head
  }

  leaf(index, leaf, prev, name) {
    return this.guarded(`leaf ${index} (${name})`, () => {
      const { origin } = this.listed
      const place = { log: origin, seq: index, prev: prev?.toString('base64'), to: this.reader }
      const said = e.openLeaf(leaf, this.env, place, (by) => e.isValidAt(this.statements.at(-1), by, origin, index))
      for (const [lane, [size, root]] of Object.entries(said.seen ?? {})) {
        const other = `${this.reader}/to/${this.writer.slice(0, -'/detente'.length)}/${lane}/${this.epoch}`
        this.seen.push({ origin, index, other, size, root })
      }
      return said
    })
  }

  tiles(folder, take, has) {
    const { stop } = this.listed
    const hashes = []
    let prev = e.EMPTY
    for (const { n, width } of e.tiles(stop, 0)) {
      const name = `${folder}${e.tilePath('entries', n, width)}`
      const whole = this.guarded(`leaves from ${n * 256} (${name})`, () => {
        const leaves = e.unpackEntries(take(name) ?? Buffer.alloc(0))
        const bodies = unpackBodies(take(`${folder}${e.tilePath('entries', n, width).replace('tile/entries', 'bodies')}`) ?? Buffer.alloc(0))
        if (leaves.length !== width || bodies.length !== width) refuse(`gap at ${n * 256 + leaves.length}`)
        leaves.forEach((leaf, i) => {
          const index = n * 256 + i
          const said = this.leaf(index, leaf, prev, name)
          prev = e.leafHash(leaf)
          hashes.push(prev)
          if (said && bodies[i]) this.guarded(`leaf ${index} body (${name})`, () => e.checkBody(said, ...bodies[i]))
          else if (said) this.missing.push(index)
        })
        return true
      })
      if (!whole) break
    }
    for (const name of ['checkpoint', 'receipt']) {
      const path = folder + name
      if (name === 'checkpoint' || has(path)) {
        this.guarded(`(${path})`, () => {
          const note = take(path)
          if (!note) return
          const head = this.head(note)
          if (head.size > hashes.length || !e.root(hashes.slice(0, head.size)).equals(head.root)) refuse('not the root of the leaves')
        })
      }
    }
    if (hashes.length !== stop || Math.max(0, ...this.heads.keys()) !== stop) this.fail(`${this.listed.origin} (${folder}checkpoint)`, 'not of the size announced')
    for (let level = 0; Math.floor(hashes.length / 256 ** level); level += 1) {
      const span = 256 ** level
      for (const { n, width } of e.tiles(hashes.length, level)) {
        const path = `${folder}${e.tilePath(level, n, width)}`
        const nodes = Array.from({ length: width }, (_, i) => e.root(hashes.slice((n * 256 + i) * span, (n * 256 + i + 1) * span)))
        if (!take(path)?.equals(Buffer.concat(nodes))) this.fail(`${this.listed.origin} (${path})`, 'not the hashes of the leaves')
      }
    }
    return hashes
  }

  exhibits(before, take, has) {
    const { start, stop } = this.listed
    let prev = start === 0 ? e.EMPTY : undefined
    for (let index = start; index < stop; index += 1) {
      const name = (kind) => `exhibits/${three(before + index - start + 1, 4)}.${kind}`
      const [leaf, proof] = [take(name('leaf')), take(name('tlog-proof'))]
      const items = has(name('items')) && take(name('items'))
      const bare = !has(name('salt')) && !has(name('body'))
      const [salt, body] = bare || items ? [] : [take(name('salt')) ?? Buffer.alloc(0), take(name('body')) ?? Buffer.alloc(0)]
      if (!leaf || !proof) {
        this.fail(`${this.listed.origin} gap at ${index} (${name('leaf')})`, 'left out of the run it belongs to')
        prev = undefined
        continue
      }
      this.guarded(`leaf ${index} (${name('tlog-proof')})`, () => {
        const parsed = e.parseProof(proof)
        const head = this.head(parsed.checkpoint)
        if (parsed.index !== index || !e.includes(e.leafHash(leaf), index, head.size, parsed.path, head.root)) refuse('not under the signed root')
      })
      const said = this.leaf(index, leaf, prev, name('leaf'))
      if (said && items) this.guarded(`leaf ${index} items (${name('items')})`, () => e.checkItems(said, items))
      else if (said && bare) this.missing.push(index)
      else if (said) this.guarded(`leaf ${index} body (${name('body')})`, () => e.checkBody(said, salt, body))
      prev = e.leafHash(leaf)
    }
  }

  summarise() {
    const { origin, start, stop, held } = this.listed
    const say = (line) => this.notes.push(`${origin}: ${line}`)
    say(`leaves [${start}, ${stop}), from ${this.writer} to ${this.reader}`)
    if (this.receipt.size) say(`${this.reader} held the first ${this.receipt.size} not later than ${new Date(this.receipt.at * 1000).toISOString()}`)
    const outstanding = Math.max(0, stop - Math.max(start, this.receipt.size))
    if (outstanding) say(`sent, receipt outstanding: ${outstanding}`)
    if (start || held > stop) say(`not shown: ${start ? `[0, ${start}) ` : ''}${held > stop ? `[${stop}, ${held})` : ''}`)
    if (this.missing.length) say(`bodies missing: ${this.missing.length}`)
    for (const name of this.unchecked) say(`ML-DSA-44 signature by ${name}: not checked by this verifier`)
  }
}

function unpackBodies(raw) {
  const bodies = []
  for (let at = 0; at < raw.length; ) {
    const salt = raw[at]
    if (!salt) {
      bodies.push(null)
      at += 1
      continue
    }
    if (at + 5 + salt > raw.length) refuse('bodies: cut short')
    const stop = at + 5 + salt + raw.readUInt32BE(at + 1 + salt)
    if (stop > raw.length) refuse('bodies: cut short')
    bodies.push([raw.subarray(at + 1, at + 1 + salt), raw.subarray(at + 5 + salt, stop)])
    at = stop
  }
  return bodies
}
