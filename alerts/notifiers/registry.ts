/** The notifiers there are. Adding one: its file, and a line in each of the two below. */
import type { Schema } from "../../config/index.ts";
import { levelName, v } from "../../config/index.ts";
import { assertNever } from "../../telemetry/index.ts";
import { alertmanager, alertmanagerOptions } from "./alertmanager.ts";
import type { Notifier, NotifierPlatform } from "./contract.ts";
import { script, scriptOptions } from "./script.ts";
import { smtp, smtpOptions } from "./smtp.ts";
import { webhook, webhookOptions } from "./webhook.ts";

const notifierOptions = v.variant("kind", [
  alertmanagerOptions,
  scriptOptions,
  smtpOptions,
  webhookOptions,
]);
export type NotifierOptions = v.InferOutput<typeof notifierOptions>;

/** The most notifiers one hub takes. */
const maxNotifiers = 100;

/** The section `notify` of a configuration: notifiers by name. */
export const notifyOptions: Schema<Readonly<Record<string, NotifierOptions>>> = v.pipe(
  v.record(levelName, notifierOptions),
  v.maxEntries(maxNotifiers, `a hub takes at most ${maxNotifiers} notifiers`),
);

/** A notifier that is ready to send. */
export function notifierOf(options: NotifierOptions, platform: NotifierPlatform): Notifier {
  switch (options.kind) {
    case "alertmanager":
      return alertmanager(options, platform);
    case "script":
      return script(options);
    case "smtp":
      return smtp(options);
    case "webhook":
      return webhook(options, platform);
    default:
      return assertNever(options);
  }
}
