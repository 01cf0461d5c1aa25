import { it } from "vitest";
import { lineWith } from "./faults.ts";
import { examined } from "./matrix.test.ts";
import { pictureOf } from "../../../../drivers/modbus/doctor/picture.ts";
import { disturbanceOf } from "../../../../drivers/modbus/doctor/disturbance.ts";
it("dbg", async () => {
  const evidence = await examined(
    lineWith(process.env["F"] as never, Number(process.env["S"])),
    false,
  );
  const picture = pictureOf(evidence);
  const ok = new Map<string, string>();
  for (const u of picture.units)
    for (const j of u.judged)
      if (j.outcome === "ok")
        ok.set(`${j.unit} ${j.pdu.join(" ")}`, Buffer.from(j.reply!).toString("hex"));
  for (const u of picture.units)
    for (const j of u.judged)
      if (j.outcome !== "ok")
        console.log(
          "X",
          j.outcome,
          j.expected,
          j.body.length,
          Buffer.from(j.body).toString("hex").slice(0, 40),
          "right",
          ok.get(`${j.unit} ${j.pdu.join(" ")}`)?.slice(0, 40),
          j.chunks
            .map((c) => `${c.at.toFixed(0)}+${c.bytes.length}`)
            .join(" ")
            .slice(0, 60),
        );
  console.log("X", JSON.stringify(disturbanceOf(picture)), evidence.settings);
});
