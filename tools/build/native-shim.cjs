/**
 * Stands in for `node-gyp-build` inside the binary: the serial addon travels as an asset of the
 * executable, but the operating system loads shared objects from files only. Two ways, in order:
 *
 * 1. A cache folder of this user alone (0700), file named after its content. An existing file is
 *    compared byte by byte before it is trusted; a new one is written aside and renamed.
 * 2. Where no such folder can be written or run from: a nameless file (O_TMPFILE) in shared
 *    memory or the temporary folder, loaded through /proc/self/fd. Nothing stays on disk.
 *
 * Loaded when the first port is opened, not when the program starts: a hub, or a machine where
 * neither way works, runs all the same and writes nothing.
 *
 * CommonJS, because it replaces a CommonJS module. Bundled by tools/build/bundle.ts.
 */
"use strict";
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const { homedir, tmpdir } = require("node:os");
const path = require("node:path");
const { getRawAsset } = require("node:sea");

const assetName = "serialport.node";

/** Linux: __O_TMPFILE | O_DIRECTORY; Node names only the second, which differs between CPUs. */
const nameless = 0o20000000 | fs.constants.O_DIRECTORY | fs.constants.O_RDWR;

/** What `require("node-gyp-build")(folder)` gives: each of the addon's functions, on demand. */
function onDemand() {
  let addon;
  return new Proxy(
    {},
    {
      get: (_target, name) =>
        function call(...values) {
          addon ??= load();
          if (new.target !== undefined) return Reflect.construct(addon[name], values);
          return addon[name](...values);
        },
    },
  );
}

function load() {
  const bytes = Buffer.from(getRawAsset(assetName));
  const failures = [];
  for (const { folder, attempt } of attempts(bytes)) {
    try {
      return attempt();
    } catch (error) {
      failures.push(`${folder}: ${error.message}`);
    }
  }
  throw new Error(`the serial addon could not be loaded (${failures.join("; ")})`);
}

function attempts(bytes) {
  const caches = cacheFolders().map((folder) => ({
    folder,
    attempt: () => open(cached(folder, bytes)),
  }));
  const memory = ["/dev/shm", tmpdir()].map((folder) => ({
    folder,
    attempt: () => openNameless(folder, bytes),
  }));
  return [...caches, ...memory];
}

/** systemd's CacheDirectory= first: a hardened service has no writable home. */
function cacheFolders() {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME } = process.env;
  const first = CACHE_DIRECTORY === undefined ? undefined : CACHE_DIRECTORY.split(":", 1)[0];
  const base = XDG_CACHE_HOME || path.join(homedir(), ".cache");
  return [...(first ? [first] : []), path.join(base, "rackstreet")];
}

function cached(folder, bytes) {
  makeFolder(path.dirname(folder));
  makeFolder(folder);
  const facts = fs.lstatSync(folder);
  if (!facts.isDirectory() || facts.uid !== process.getuid() || (facts.mode & 0o022) !== 0) {
    throw new Error("not a folder that only this user can write");
  }
  const file = path.join(folder, `${createHash("sha256").update(bytes).digest("hex")}.node`);
  if (holds(file, bytes)) return file;
  const aside = `${file}.${process.pid}`;
  fs.rmSync(aside, { force: true });
  fs.writeFileSync(aside, bytes, { mode: 0o500, flag: "wx" });
  fs.renameSync(aside, file);
  return file;
}

/** Not `recursive`: Node 24 spins for ever on a path under /proc that can never exist. */
function makeFolder(folder) {
  if (!fs.existsSync(folder)) fs.mkdirSync(folder, { mode: 0o700 });
}

function holds(file, bytes) {
  try {
    return fs.lstatSync(file).isFile() && fs.readFileSync(file).equals(bytes);
  } catch {
    return false;
  }
}

function openNameless(folder, bytes) {
  const descriptor = fs.openSync(folder, nameless, 0o700);
  try {
    fs.writeFileSync(descriptor, bytes);
    return open(`/proc/self/fd/${descriptor}`);
  } finally {
    fs.closeSync(descriptor);
  }
}

function open(file) {
  const addon = { exports: {} };
  process.dlopen(addon, file);
  return addon.exports;
}

module.exports = onDemand;
