/**
 * What `smartctl --json` says of one disk (smartmontools 7.0 and later; smartctl(8)): NVMe health
 * log, ATA attributes and statistics, SCSI logs, as the fields of `host_disk`.
 *
 * ATA attributes are the makers' own: one is told only where smartctl's table of drives gives it
 * the usual name, and its leading number, as the rest is packed differently by each.
 */
import { v } from "../../config/index.ts";

const number = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** What is not understood is absent, and never spoils the rest. */
const loose = <Out>(
  schema: v.GenericSchema<unknown, Out>,
): v.GenericSchema<unknown, Out | undefined> => v.fallback(v.optional(schema), undefined);

const errors = loose(v.object({ total_uncorrected_errors: count }));

const answer = v.object({
  smartctl: v.object({
    exit_status: count,
    messages: loose(v.array(v.object({ string: v.string() }))),
  }),
  smart_status: loose(v.object({ passed: v.boolean() })),
  temperature: loose(v.object({ current: number })),
  power_on_time: loose(v.object({ hours: count, minutes: loose(count) })),
  nvme_smart_health_information_log: loose(
    v.object({
      critical_warning: loose(count),
      available_spare: loose(number),
      percentage_used: loose(number),
      unsafe_shutdowns: loose(count),
      media_errors: loose(count),
    }),
  ),
  ata_smart_attributes: loose(
    v.object({
      table: v.array(
        v.object({
          id: count,
          name: v.string(),
          when_failed: loose(v.string()),
          flags: loose(v.object({ prefailure: v.boolean() })),
          raw: v.object({ string: v.string() }),
        }),
      ),
    }),
  ),
  ata_device_statistics: loose(
    v.object({
      pages: v.array(
        v.object({
          number: count,
          table: loose(
            v.array(
              v.object({
                offset: count,
                value: loose(number),
                flags: loose(v.object({ valid: v.boolean() })),
              }),
            ),
          ),
        }),
      ),
    }),
  ),
  endurance_used: loose(v.object({ current_percent: number })),
  scsi_percentage_used_endurance_indicator: loose(number),
  scsi_grown_defect_list: loose(count),
  scsi_pending_defects: loose(v.object({ count })),
  scsi_error_counter_log: loose(v.object({ read: errors, write: errors, verify: errors })),
});

type Answer = v.InferOutput<typeof answer>;

/** One figure of a disk and where in the answer it stood. */
export interface DiskFigure {
  readonly field: string;
  readonly value: number;
  readonly key: string;
}

export type DiskHealth =
  | { readonly kind: "figures"; readonly figures: readonly DiskFigure[] }
  /** It may not be asked by who we are. */
  | { readonly kind: "forbidden" }
  /** It cannot be asked: no answer of its own, with smartctl's reason. */
  | { readonly kind: "dumb"; readonly reason: string };

/** Bits of smartctl's exit status: it was called wrongly, or the disk could not be opened. */
const cannotOpen = 0b11;

const good = 0;
const warning = 1;
const critical = 2;

/** Percentage Used Endurance Indicator, in the ATA device statistics of solid state devices. */
const endurance = { page: 7, offset: 8 };

const attributes = [
  ["reallocated_count", 5, /^reallocate/i],
  ["media_errors_total", 187, /^reported_uncorrect/i],
  ["pending_count", 197, /pending/i],
] as const;

/** What the output says; undefined when it is not smartctl's. */
export function parseHealth(output: string): DiskHealth | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), answer), output);
  if (!parsed.success) return undefined;
  const { smartctl } = parsed.output;
  const figures = figuresOf(parsed.output);
  if (figures.length > 0) return { kind: "figures", figures };
  const words = (smartctl.messages ?? []).map(({ string }) => string);
  if (words.some((word) => /permission denied|operation not permitted/i.test(word))) {
    return { kind: "forbidden" };
  }
  if ((smartctl.exit_status & cannotOpen) === 0) return { kind: "figures", figures: [] };
  return { kind: "dumb", reason: words.join("; ") };
}

function figuresOf(disk: Answer): DiskFigure[] {
  const nvme = disk.nvme_smart_health_information_log;
  const log = "nvme_smart_health_information_log";
  const on = disk.power_on_time;
  const used = wearOf(disk);
  const found: (readonly [field: string, value: number | undefined, key: string])[] = [
    ["temp_c", disk.temperature?.current, "temperature.current"],
    ["used_pct", used?.value, used?.key ?? ""],
    ["spare_pct", nvme?.available_spare, `${log}.available_spare`],
    ["power_on_s_total", on && on.hours * 3600 + (on.minutes ?? 0) * 60, "power_on_time"],
    ["unsafe_shutdowns_total", nvme?.unsafe_shutdowns, `${log}.unsafe_shutdowns`],
    ["media_errors_total", nvme?.media_errors, `${log}.media_errors`],
    ["media_errors_total", uncorrectedOf(disk), "scsi_error_counter_log"],
    ...attributes.map(
      ([field, id, name]) =>
        [field, attributeOf(disk, id, name), `ata_smart_attributes ${id}`] as const,
    ),
    ["reallocated_count", disk.scsi_grown_defect_list, "scsi_grown_defect_list"],
    ["pending_count", disk.scsi_pending_defects?.count, "scsi_pending_defects"],
    ["health_state", healthOf(disk), "smart_status.passed"],
    ["warning_code", nvme?.critical_warning, `${log}.critical_warning`],
  ];
  return found.flatMap(([field, value, key]) => {
    const whole = /_(total|count|state|code)$/.test(field);
    if (value === undefined || (whole && !Number.isSafeInteger(value))) return [];
    return [{ field, value, key }];
  });
}

/** It says that it fails; or not yet, but an attribute that foretells it is below its limit. */
function healthOf({ smart_status, ata_smart_attributes }: Answer): number | undefined {
  if (smart_status === undefined) return undefined;
  if (!smart_status.passed) return critical;
  const foretold = ata_smart_attributes?.table.some(
    ({ when_failed, flags }) => when_failed === "now" && flags?.prefailure === true,
  );
  return foretold === true ? warning : good;
}

function wearOf(disk: Answer): { value: number; key: string } | undefined {
  const page = disk.ata_device_statistics?.pages.find(({ number }) => number === endurance.page);
  const entry = page?.table?.find(({ offset }) => offset === endurance.offset);
  const log = "nvme_smart_health_information_log.percentage_used";
  const scsi = "scsi_percentage_used_endurance_indicator";
  const ways: (readonly [value: number | undefined, key: string])[] = [
    [disk.nvme_smart_health_information_log?.percentage_used, log],
    [entry?.flags?.valid === true ? entry.value : undefined, "ata_device_statistics page 7"],
    [disk.scsi_percentage_used_endurance_indicator, scsi],
    [disk.endurance_used?.current_percent, "endurance_used.current_percent"],
  ];
  for (const [value, key] of ways) if (value !== undefined) return { value, key };
  return undefined;
}

/** The number a raw value begins with: `8` of `8 (0 1)`. */
function attributeOf(disk: Answer, id: number, name: RegExp): number | undefined {
  const found = disk.ata_smart_attributes?.table.find((one) => one.id === id);
  if (found === undefined || !name.test(found.name)) return undefined;
  const leading = /^\d{1,10}(?![\d.:h])/.exec(found.raw.string)?.[0];
  return leading === undefined ? undefined : Number(leading);
}

function uncorrectedOf({ scsi_error_counter_log: log }: Answer): number | undefined {
  const counts = [log?.read, log?.write, log?.verify].flatMap(
    (one) => one?.total_uncorrected_errors ?? [],
  );
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}
