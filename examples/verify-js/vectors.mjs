// node vectors.mjs FOLDER   judges every case of docs/protocol/vectors: exit 0 if each was accepted or refused as it must be.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openZip, verify } from './dossier.mjs'
import * as e from './evidence.mjs'
import { refuse, Refused } from './evidence.mjs'

const folder = process.argv[2]
const bytes = (spelled) => Buffer.from(spelled, 'base64')
const hex = (spelled) => Buffer.from(spelled, 'hex')
const hashes = (list) => list.map((h) => e.unbase64(h, 32))
const same = (found, wanted, what) => JSON.stringify(found) === JSON.stringify(wanted) || refuse(`another ${what}`)
const holds = (verdict) => verdict || refuse('does not hold')

const judge = {
  ed25519({ public_key, message, signature }) {
    e.admit(hex(public_key))
    holds(e.ed25519(hex(public_key), hex(message), hex(signature)))
  },
  key: ({ line }) => e.parseKey(line),
  note: ({ note, keys }) => e.openNote(bytes(note), keys.map(e.parseKey)),
  statements({ root, chain }) {
    const by = e.parseKey(root)
    chain.reduce((before, note) => {
      const raw = Buffer.from(note)
      const said = e.statement(raw, by, before)
      if (!before && said.prev) refuse('not the first')
      return { raw, said }
    }, undefined)
  },
  digits: ({ line, digits }) => same(e.digits(line), digits, 'fingerprint'),
  leaf({ leaf, keys, place, hash }) {
    e.openLeaf(bytes(leaf), keys.map(e.parseKey), place)
    if (hash) same(e.leafHash(bytes(leaf)).toString('base64'), hash, 'hash')
  },
  body: ({ media, commitment, salt, body }) => same(e.commitment(media, bytes(salt), bytes(body)), commitment, 'commitment'),
  item: ({ commitment, ...item }) => e.checkItem(commitment, item),
  items: ({ media, commitment, items }) => e.checkItems({ media, body: commitment }, Buffer.from(items)),
  root: ({ leaves, root }) => same(e.root(hashes(leaves)).toString('base64'), root, 'root'),
  inclusion: ({ leaf, index, size, path, root }) => holds(e.includes(...hashes([leaf]), index, size, hashes(path), ...hashes([root]))),
  consistency: (c) => holds(e.extends_(c.old, c.new, hashes(c.path), ...hashes([c.old_root, c.new_root]))),
  checkpoint({ note, log, cosigners, cosigned }) {
    const opened = e.checkpoint(Buffer.from(note), e.parseKey(log), cosigners.map(e.parseKey))
    if (opened.unchecked.length) return 'not checked'
    return same(Object.fromEntries([...opened.cosigned].sort()), Object.fromEntries(Object.entries(cosigned ?? {}).sort()), 'list of cosigners')
  },
  proof({ proof, leaf, log, cosigners }) {
    const parsed = e.parseProof(Buffer.from(proof))
    const head = e.checkpoint(parsed.checkpoint, e.parseKey(log), cosigners.map(e.parseKey))
    holds(e.includes(e.leafHash(Buffer.from(leaf)), parsed.index, head.size, parsed.path, head.root))
  },
  bundle: ({ bundle, hashes: wanted }) => same(e.unpackEntries(bytes(bundle)).map((l) => e.leafHash(l).toString('base64')), wanted, 'list of leaves'),
  path: ({ level, n, width, path }) => same(e.tilePath(level, n, width), path, 'path'),
  dossier({ dossier, roots, edit = {}, outcome = 0 }) {
    const zip = openZip(join(folder, dossier))
    const files = new Map(zip.names().map((name) => [name, zip.read(name)]))
    zip.close()
    if (edit.flip) files.set(edit.flip, Buffer.from(files.get(edit.flip)).fill(files.get(edit.flip)[edit.at] ^ 1, edit.at, edit.at + 1))
    if (edit.drop) files.delete(edit.drop)
    if (edit.cut) files.set(edit.cut, files.get(edit.cut).subarray(0, -1))
    if (edit.add) files.set(edit.add, Buffer.from('x'))
    if (edit.swap) {
      const [a, b] = edit.swap
      const content = files.get(a)
      files.set(a, files.get(b)).set(b, content)
    }
    const found = verify({ names: () => [...files.keys()], has: (name) => files.has(name), read: (name) => files.get(name) }, roots)
    if (found.outcome !== outcome) throw new Error(`outcome ${found.outcome}, not ${outcome}`)
    holds(found.outcome === 0)
  },
}

const { cases } = JSON.parse(readFileSync(join(folder, 'evidence.json'), 'utf8'))
let [agreed, unchecked] = [0, 0]
const differing = []
for (const one of cases) {
  let accepted = true
  let why = ''
  try {
    if (judge[one.kind](one) === 'not checked') {
      unchecked += 1
      continue
    }
  } catch (wrong) {
    accepted = false
    why = wrong.message
    if (!(wrong instanceof Refused)) differing.push(`${one.kind}: ${one.what}: ${wrong.stack}`)
  }
  if (accepted === one.accept) agreed += 1
  else differing.push(`${one.kind}: ${one.what}: ${accepted ? 'accepted' : `refused, ${why}`}`)
}
differing.forEach((line) => console.log(line))
console.log(`${cases.length} cases: ${agreed} agreed, ${differing.length} differ, ${unchecked} need ML-DSA-44 and were not checked`)
process.exitCode = differing.length ? 1 : 0
