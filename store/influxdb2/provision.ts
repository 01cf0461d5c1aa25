/** The buckets of an InfluxDB 2, with their retention. */
import type { Platform } from "../../telemetry/index.ts";
import type { HttpLink } from "../http/link.ts";
import type { Provision, Step } from "../steps.ts";
import type { Bucket } from "./admin.ts";
import { bucketsPath, createBucket, orgPath, retentionRules, setRetention } from "./admin.ts";
import { influxdb2Link } from "./engine.ts";
import type { Influxdb2Options } from "./options.ts";

/** The steps. @throws E_SECRET_MISSING */
export function provisionInfluxdb2(options: Influxdb2Options, platform: Platform): Provision {
  const link = influxdb2Link(options, platform);
  const { org, bucket, retention, rollupBucket, rollupRetention } = options;
  const steps = bucketSteps(link, { org, name: bucket, retention });
  if (rollupBucket !== undefined) {
    steps.push(...bucketSteps(link, { org, name: rollupBucket, retention: rollupRetention }));
  }
  return {
    title: `InfluxDB 2 at ${link.target.url.href}`,
    steps,
    [Symbol.asyncDispose]() {
      link[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

/** What is made for ever keeps a retention that a person gave it. */
function bucketSteps(link: HttpLink, bucket: Bucket): Step[] {
  const { org, name, retention } = bucket;
  const rules = retentionRules(retention);
  const body = JSON.stringify({ orgID: `<id of ${org}>`, name, retentionRules: rules });
  const create: Step = {
    sends: `GET ${orgPath(org)}\nPOST ${bucketsPath} ${body}`,
    run: (signal) => createBucket(link, bucket, signal),
  };
  if (retention === undefined) return [create];
  const patch = JSON.stringify({ retentionRules: rules });
  const query = new URLSearchParams({ org, name }).toString();
  const set: Step = {
    sends: `GET ${bucketsPath}?${query}\nPATCH ${bucketsPath}/<id of ${name}> ${patch}`,
    async run(signal) {
      await setRetention(link, bucket, signal);
      return "set";
    },
  };
  return [create, set];
}
