// ajv.mjs - JSON.parse and Ajv's compiled validator with ajv-formats, over the document and schema of bench/schema.c.
// Prints microseconds for one document.
//
//   node ajv.mjs [SECONDS]
import { readFileSync } from 'node:fs'
import formats from 'ajv-formats'
import Ajv2020 from 'ajv/dist/2020.js'

const ROUND = 500
const seconds = Number(process.argv[2] ?? 1)
const read = (name) => readFileSync(new URL(name, import.meta.url))
const ajv = formats(new Ajv2020({ strict: false }))
const validate = ajv.compile(JSON.parse(read('campaign.schema.json')))
const bytes = read('campaign.json')

function measure(forSeconds) {
  const begin = performance.now()
  let done = 0
  do {
    for (let k = 0; k < ROUND; k++)
      if (!validate(JSON.parse(bytes))) throw new Error(JSON.stringify(validate.errors))
    done += ROUND
  } while (performance.now() - begin < forSeconds * 1000)
  return ((performance.now() - begin) * 1e3) / done
}

measure(Math.min(1, seconds / 2)) // The compiler of V8 warms up.
console.log(measure(seconds).toFixed(2))
