/**
 * The exam that every store engine passes: the same lines in, the same answers out, the same
 * lines refused. The last part holds random rows and random questions against a reference that is
 * too plain to be wrong.
 */
import { describe } from "vitest";
import { examGroups, examRandom, examWindows } from "./store_asking.ts";
import type { OpenStore } from "./store_lines.ts";
import { examReading } from "./store_reading.ts";
import { examLife, examNames } from "./store_names.ts";
import { examRefusing, examWriting } from "./store_writing.ts";

export type { ExamStore, OpenStore } from "./store_lines.ts";

/** Registers the exam of one engine; `open` gives an empty store each time. */
export function storeExam(name: string, open: OpenStore): void {
  describe(`${name}: the store exam`, () => {
    examWriting(open);
    examRefusing(open);
    examWindows(open);
    examGroups(open);
    examNames(open);
    examLife(open);
    examReading(open);
    examRandom(open);
  });
}
