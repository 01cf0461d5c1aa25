/** `npm run -s bench -- NAME`: runs one bench; its last line is one JSON object. */
import { run as accelerators } from "./accelerators.ts";
import { run as accessCost } from "./access-cost.ts";
import { run as alertLatency } from "./alert-latency.ts";
import { run as backtest } from "./backtest.ts";
import { run as broker } from "./broker.ts";
import { run as capacity } from "./capacity.ts";
import { run as chainAlone } from "./chain-alone.ts";
import { run as chain } from "./chain.ts";
import { run as deadDevices } from "./dead-devices.ts";
import { run as failover } from "./failover.ts";
import { run as fanOut } from "./fan-out.ts";
import { run as forecast } from "./forecast.ts";
import { run as frozenSubscriber } from "./frozen-subscriber.ts";
import { run as host } from "./host.ts";
import { run as idle } from "./idle.ts";
import { run as lines } from "./lines.ts";
import { run as modbusTcp } from "./modbus-tcp.ts";
import { run as noisyNeighbour } from "./noisy-neighbour.ts";
import { run as readPlan } from "./read-plan.ts";
import { run as redisPair } from "./redis-pair.ts";
import { run as rollups } from "./rollups.ts";
import { run as rtuFuzz } from "./rtu-fuzz.ts";
import { run as rtuWire } from "./rtu-wire.ts";
import { run as rules } from "./rules.ts";
import { run as scan } from "./scan.ts";
import { run as spool } from "./spool.ts";
import { run as sqlite } from "./sqlite.ts";
import { run as store } from "./store.ts";
import { run as tenantsEscapes } from "./tenants-escapes.ts";
import { run as tenantsLoad } from "./tenants-load.ts";

const benches: Readonly<Record<string, () => Promise<unknown>>> = {
  accelerators,
  "access-cost": accessCost,
  "alert-latency": alertLatency,
  backtest,
  broker,
  capacity,
  chain,
  "chain-alone": chainAlone,
  "dead-devices": deadDevices,
  failover,
  "fan-out": fanOut,
  forecast,
  "frozen-subscriber": frozenSubscriber,
  host,
  idle,
  lines,
  "modbus-tcp": modbusTcp,
  "noisy-neighbour": noisyNeighbour,
  "read-plan": readPlan,
  "redis-pair": redisPair,
  rollups,
  "rtu-fuzz": rtuFuzz,
  "rtu-wire": rtuWire,
  rules,
  scan,
  spool,
  sqlite,
  store,
  "tenants-escapes": tenantsEscapes,
  "tenants-load": tenantsLoad,
};

const name = process.argv[2] ?? "";
const bench = benches[name];
if (bench === undefined) {
  process.stderr.write(`bench: name one of ${Object.keys(benches).join(", ")}\n`);
  process.exitCode = 64;
} else {
  process.stdout.write(`${JSON.stringify(await bench())}\n`);
}
