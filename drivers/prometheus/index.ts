/**
 * Exporters: pages of samples in Prometheus' text format, asked for over HTTP and mapped to the
 * register by a profile. Devices with the same page share it.
 */
import { GatewayError } from "../../telemetry/index.ts";
import { defineDriver } from "../contract.ts";
import { HttpClient } from "../transport/http.ts";
import { Leases } from "../transport/leases.ts";
import { Counts } from "./counts.ts";
import { Exporter } from "./exporter.ts";
import type { PrometheusOptions } from "./options.ts";
import { prometheusOptions, prometheusOptionsSchema } from "./options.ts";
import type { PrometheusProfile } from "./profile.ts";
import { prometheusProfile } from "./profile.ts";
import { rowsOf } from "./rows.ts";
import { ExporterSession } from "./session.ts";

export const prometheus = defineDriver({
  name: "prometheus",
  about: "Exporters of Prometheus metrics: accelerators, machines, controllers.",
  options: prometheusOptions,
  parse: prometheusOptionsSchema,
  profile: prometheusProfile,
  create({ clock }) {
    const exporters = new Leases<Exporter>();
    return {
      busKey: ({ options, profile }) => `prometheus ${keyOf(options, profile)}`,
      // Async, so that a mistake in the profile rejects.
      async open({ id, options, profile, memory }) {
        if (profile === undefined) {
          throw new GatewayError("E_CONFIG", `${id}: an exporter's device needs a profile`);
        }
        const { where, stale, limit } = options;
        const rows = rowsOf(profile, options);
        const page = pageOf(options, profile);
        const { thing: exporter, release } = exporters.lease(
          { key: keyOf(options, profile), bus: undefined },
          () => new Exporter(new HttpClient(options, clock), { path: page.asked, limit }, clock),
        );
        const { blank, steady } = profile.header;
        const counts = new Counts(memory, clock);
        const endpoint = { url: page.url };
        const parts = { id, exporter, rows, where, blank, steady, stale, counts, clock };
        return new ExporterSession({ ...parts, endpoint, release });
      },
      [Symbol.asyncDispose]: () => exporters[Symbol.asyncDispose](),
    };
  },
});

/** What is asked for behind the path of the url, and the whole of it. */
function pageOf({ url, query }: PrometheusOptions, profile: PrometheusProfile | undefined) {
  const search = new URLSearchParams(query).toString();
  const { pathname } = new URL(url);
  const path = pathname === "/" ? (profile?.header.path ?? "") : "";
  const asked = `${path}${search === "" ? "" : `?${search}`}`;
  return { asked, url: `${url.replace(/\/+$/, "")}${asked}` };
}

/** Devices share a page when they ask for the same one as the same user. */
function keyOf(options: PrometheusOptions, profile: PrometheusProfile | undefined): string {
  const { user = "", token, limit } = options;
  const who = token === undefined ? user : "token";
  return `${pageOf(options, profile).url} ${who} ${limit}`;
}
