// cel.mjs - the condition of bench/rule.c by @marcbachmann/cel-js, the fastest CEL package of npm,
// compiled once, over the same eight users.  Prints nanoseconds for one evaluation.
//
//   node cel.mjs [SECONDS]
import { Environment } from '@marcbachmann/cel-js'

const TEXT = 'user.city in ["Beijing", "Wuhan"] && user.level >= 3 && !user.refunded'
const CITIES = ['Beijing', 'Shanghai', 'Wuhan', 'Guangzhou']
const ROUND = 20000
const seconds = Number(process.argv[2] ?? 1)

const rule = new Environment().registerVariable('user', 'map').parse(TEXT)
const contexts = Array.from({ length: 8 }, (_, k) => ({
  user: { city: CITIES[k % 4], level: k % 4 === 2 ? 2n : 5n, refunded: false },
}))

function measure(forSeconds) {
  const begin = performance.now()
  let done = 0
  let yes = 0
  do {
    for (let k = 0; k < ROUND; k++) if (rule(contexts[k % 8])) yes++
    done += ROUND
  } while (performance.now() - begin < forSeconds * 1000)
  if (yes * 4 !== done) throw new Error(`${yes} of ${done} were true`)
  return ((performance.now() - begin) * 1e6) / done
}

measure(Math.min(1, seconds / 2)) // The compiler of V8 warms up.
console.log(measure(seconds).toFixed(1))
