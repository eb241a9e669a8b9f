// node verify.mjs DOSSIER --root PARTY=DIGITS …   exit 0 it holds, 1 an exhibit fails, 2 a root is unknown.
import { statSync } from 'node:fs'
import { openFolder, openZip, verify } from './dossier.mjs'
import { Refused } from './evidence.mjs'

const typed = {}
let path
const words = process.argv.slice(2)
while (words.length) {
  const word = words.shift()
  if (word !== '--root') path = word
  else {
    const [party, digits] = (words.shift() ?? '').split('=')
    typed[party] = digits ?? ''
  }
}
if (!path) {
  console.error('usage: node verify.mjs DOSSIER --root PARTY=DIGITS …')
  process.exit(2)
}
try {
  const { outcome, failures, notes } = verify(statSync(path).isDirectory() ? openFolder(path) : openZip(path), typed)
  for (const note of notes) console.log(note)
  for (const [exhibit, reason] of failures) console.log(`${exhibit}: ${reason}`)
  console.log(['HOLDS', 'FAILS', 'UNKNOWN ROOT: nothing is proved'][outcome])
  process.exitCode = outcome
} catch (wrong) {
  if (!(wrong instanceof Refused) && wrong.code === undefined) throw wrong
  console.error(`${path}: ${wrong.message}`)
  process.exitCode = 1
}
