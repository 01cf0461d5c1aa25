/** Tables in terminals. The only door to cli-table3. */
import Table from "cli-table3";

/** A plain table: bold heads on a terminal, no colour elsewhere. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const colour = process.stdout.isTTY
    ? { head: ["bold"], border: ["dim"] }
    : { head: [], border: [] };
  const table = new Table({
    head: [...head],
    style: { ...colour, compact: true },
    chars: {
      top: "",
      "top-mid": "",
      "top-left": "",
      "top-right": "",
      bottom: "",
      "bottom-mid": "",
      "bottom-left": "",
      "bottom-right": "",
      left: "",
      "left-mid": "",
      mid: "",
      "mid-mid": "",
      right: "",
      "right-mid": "",
      middle: " ",
    },
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}
