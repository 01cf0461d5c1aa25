/**
 * Tools that play recordings: scripts with the names of the real ones, in a folder that the option
 * `folder` names. They note what they were asked and what they were told besides.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Session } from "../../../drivers/contract.ts";
import { ipmi } from "../../../drivers/ipmi/index.ts";
import { contextWith } from "../modbus/world.ts";

/** `chassis.txt` what is printed, `power.err` what is said with exit code 1 beside. */
export type Recording = Readonly<Record<string, string>>;

export interface Tools extends AsyncDisposable {
  readonly folder: string;
  /** The calls so far, one a line. */
  asked(): string[];
  /** Environments and configuration files so far. */
  told(): string;
  /** Changes the recording. */
  play(recording: Recording): void;
  /** From now on a run does not end; the result tells whether one has begun. */
  hang(): () => boolean;
  goOn(): void;
}

const script = `#!/bin/sh
here=$(dirname "$0")
echo "$(basename "$0") $*" >>"$here/asked"
env | grep IPMI >>"$here/told"
for arg; do
  case "$arg" in --config-file=*) cat "\${arg#*=}" >>"$here/told" ;; esac
done
part=none
case "$(basename "$0") $*" in
  *" sdr dump "*) part=list ;;
  *" sdr elist all" | *" exec "* | ipmi-sensors*) part=sensors ;;
  *"dcmi power reading" | ipmi-dcmi*) part=power ;;
  *"chassis status" | ipmi-chassis*) part=chassis ;;
  *"chassis power status") part=session ;;
esac
if [ -e "$here/hang" ]; then
  echo $$ >"$here/hung"
  exec sleep 600
fi
[ $part = list ] && for last; do :; done && echo list >"$last"
case "$*" in *" exec "*) [ -e "$here/info.txt" ] && cat "$here/info.txt" ;; esac
[ -e "$here/$part.txt" ] && cat "$here/$part.txt"
[ -e "$here/$part.err" ] || exit 0
cat "$here/$part.err" >&2
exit 1
`;

export async function startTools(recording: Recording): Promise<Tools> {
  const folder = await mkdtemp(join(tmpdir(), "ipmi-tools-"));
  const at = (name: string): string => join(folder, name);
  for (const name of ["ipmitool", "ipmi-sensors", "ipmi-dcmi", "ipmi-chassis"]) {
    await writeFile(at(name), script);
    await chmod(at(name), 0o755);
  }
  const read = (name: string): string =>
    existsSync(at(name)) ? readFileSync(at(name), "utf8") : "";
  const tools = {
    folder,
    // The name of the controller's own folder is another each time.
    asked: () =>
      read("asked")
        .replaceAll(/\/\S*rackstreet-ipmi-\w+/g, "OWN")
        .split("\n")
        .slice(0, -1),
    told: () => read("told"),
    play(recording: Recording) {
      for (const part of ["chassis", "power", "sensors", "session", "list", "info"]) {
        for (const kind of ["txt", "err"]) {
          const text = recording[`${part}.${kind}`];
          if (text === undefined) rmSync(at(`${part}.${kind}`), { force: true });
          else writeFileSync(at(`${part}.${kind}`), text);
        }
      }
    },
    hang() {
      rmSync(at("hung"), { force: true });
      writeFileSync(at("hang"), "");
      return () => existsSync(at("hung"));
    },
    goOn: () => rmSync(at("hang"), { force: true }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
  tools.play(recording);
  return tools;
}

export interface OpenServer extends AsyncDisposable {
  readonly session: Session;
  readonly groups: readonly string[];
}

/** A session of its own driver; disposing ends both. */
export async function openServer(options: Readonly<Record<string, unknown>>): Promise<OpenServer> {
  const driver = ipmi.create(contextWith());
  const session = await driver.open({ id: "server", options, profile: undefined });
  return {
    session,
    groups: session.groups.map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
    },
  };
}

/** Over the network, by the tools of this folder. */
export function lan(
  { folder }: Pick<Tools, "folder">,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return { host: "10.0.0.20", user: "monitor", password: "not-to-be-seen", folder, ...more };
}

/** A small server: on, 220 W, a processor and a fan. */
export const smallServer: Recording = {
  "chassis.txt": `System Power         : on
Power Overload       : false
Power Interlock      : inactive
Main Power Fault     : false
Power Control Fault  : false
Power Restore Policy : always-off
Last Power Event     : 
Chassis Intrusion    : inactive
Front-Panel Lockout  : inactive
Drive Fault          : false
Cooling/Fan Fault    : false
`,
  "power.txt": `
    Instantaneous power reading:                   220 Watts
    Minimum during sampling period:                 18 Watts
    Maximum during sampling period:                401 Watts
    Average power reading over sample period:      190 Watts
    IPMI timestamp:                 09/03/15 21:36:18 UTC    Sampling period: 00000699 Seconds.
    Power reading state is:                   activated

`,
  "info.txt": `SDR Version                         : 0x51
Record Count                        : 2
Free Space                          : > 64Kb - 2 bytes
Most recent Addition                : 09/03/2015 21:36:18
Most recent Erase                   : NA
SDR overflow                        : no
SDR Repository Update Support       : unspecified
Delete SDR supported                : no
Partial Add SDR supported           : no
Reserve SDR repository supported    : yes
SDR Repository Alloc info supported : no
`,
  "sensors.txt": `CPU1 Temp        | 02h | ok  |  3.1 | 61 degrees C
FAN1             | 05h | lcr | 29.1 | 400 RPM
`,
};
