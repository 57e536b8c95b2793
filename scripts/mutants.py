#!/usr/bin/env python3
"""make mutants: plants one fault at a time into a copy of the sources; the campaign of random histories, or the tests
beside it, must find each.

A fault that survives means that the tests would not notice if the code went wrong there. DBXSYNC_CAMPAIGN sets the number
of histories (400); names on the command line choose mutants; --check only looks whether each can still be planted.
"""

import os
import shutil
import subprocess
import sys

# Name, file below Sources, text as it is, text with the fault.
MUTANTS = [
    ("nothing is cleared", "SyncModel/Planning/Planner.swift", "if !going.isEmpty { plan.append(.clear(item.key, going)) }", "_ = going"),
    ("case-only renames are not seen", "SyncModel/Planning/Planner.swift", "} else if entry.node.name != want.name,", "} else if false, entry.node.name != want.name,"),
    ("removals come first", "Engine/Pass/SyncPass.swift", "        let asOf = try await reader.run()\n", "        let asOf = try await reader.run()\n        try await Prune(context: context).run()\n"),
    ("no intents", "Store/Record/StateStore+Commit.swift", "guard !intents.isEmpty else { return [] }", "guard intents.isEmpty else { return [] }"),
    ("intents are forgotten at the start", "Engine/Pass/SyncPass.swift", "if intents.isEmpty { return [] }", "if !intents.isEmpty || intents.isEmpty { return [] }"),
    ("a deleted folder keeps what is in it", "Store/Record/StateStore+Record.swift", "        case .removeSubtree(let key):\n            try removeBelow(key)\n", "        case .removeSubtree(let key):\n"),
    ("a file leaves the folder's children that it replaces", "SyncModel/Planning/PageFold.swift", "edits.append(.removeChildren(key))", "_ = key"),
    ("a complete listing removes nothing", "Store/Record/StateStore+Record.swift", "if isLast && recorder.isListing && !recorder", "if isLast && recorder.isListing && edits.isEmpty && !recorder"),
    ("done means done, whatever is wanted by now", "Store/Record/StateStore+Commit.swift", "            try setHave(key, node)\n            try pending.refreshPlaced(key)", "            try setHave(key, node)\n            try db.execute(sql: \"DELETE FROM pending WHERE key = ?\", arguments: [key.text])"),
    ("the have runs ahead of the disk", "Engine/Pass/Publisher.swift", "        var performed = try await context.disk.run { try context.mirror.perform(wanted, trash: trash) }[...]", "        try await context.store.commit(\n            batch.flatMap { $0.intents() }.map { .have($0.key, $0.after) }, now: context.now(),\n            jitter: context.environment.jitter)\n        var performed = try await context.disk.run { try context.mirror.perform(wanted, trash: trash) }[...]"),
    ("the cursor is stored before its page", "Store/Record/StateStore+Record.swift", "        let (faults, inEffect, exported, tallies) = (faults, inEffect, exported, tallies)\n        return try await write { [self] db in\n            recorded.add(1, ordering: .acquiringAndReleasing)\n            try faults(.record)", "        let (faults, inEffect, exported, tallies) = (faults, inEffect, exported, tallies)\n        try await write { try $0.execute(literal: \"UPDATE state SET cursor = \\(cursor.text)\") }\n        return try await write { [self] db in\n            recorded.add(1, ordering: .acquiringAndReleasing)\n            try faults(.record)"),
    ("a failed item is given up", "Store/Record/StateStore+Commit.swift", "return try postpone(key, reason: why, attempts: attempts, delay: delay, parked: false)", "return try postpone(key, reason: why, attempts: attempts, delay: delay, parked: true)"),
    ("what appears at the last moment is overwritten", "MirrorFS/Descriptor+Mirror.swift", "        if !replacing {", "        if !replacing && target.isEmpty {"),
    ("the mirror's lock is ignored", "MirrorFS/Root/FileLock.swift", "        case EWOULDBLOCK: throw .held(by: written(number))\n", "        case EWOULDBLOCK: return true\n"),
    ("another account's mirror is taken", "MirrorFS/Root/MirrorOwner.swift", "if account != other.account {", "if account.isEmpty {"),
    ("the disk is not looked at", "Engine/Pass/SyncPass.swift", "        if context.mustSweep || context.lastSweep.time == nil { try await sweep(seekingStrangers: hasListed) }\n", ""),
    ("what was touched is not marked unproven", "Engine/Sweep/Sweeper.swift", "        try await store.markUnproven(touched)\n", ""),
    ("the watch takes dbxsync's own work for that of others", "Engine/Sweep/Sweeper.swift", "            guard let drift = try mirror.drift(of: entry) else { return .nothing }", "            let drift = try mirror.drift(of: entry) ?? .changed", "looked.drift += comparison.drift", "looked.drift += entries"),
    ("checksums are not compared", "Store/Schema/Audit.swift", "where try Checksums.stored(table, db) != sum {", "where try Checksums.stored(table, db) != sum && table.isEmpty {"),
    ("an export is not compared with its hash", "SyncModel/Exports/ExportProblem.swift", "hash != content.hash", "hash != content.hash && content.size < 0"),
    ("an old revision's export is kept", "SyncModel/Exports/OnlineDocument.swift", " && document.rev == other.document.rev", ""),
    ("an export takes a real file's place", "Store/Record/Recorder+Documents.swift", "        default: false\n", "        default: true\n"),
    ("folders to be made are no backlog", "Store/Report/SyncSnapshot.swift", "pendingFiles + pendingFolders + pendingRemovals", "pendingFiles + pendingRemovals"),
    ("what a listing takes back is not noticed", "Engine/Pull/PullState+Events.swift", "        isListing = false\n        askWhatIsWanted()\n", "        isListing = false\n"),
    ("removals do not wait for the last page", "Store/Schema/Rows.swift", "AND has_more = 0", "AND has_more >= 0"),
    ("what changes while parts are listed is not read", "Engine/Pass/ChangeFeedReader.swift", "        return await ask(since: cursor)\n    }\n", "        return await ask(since: (try? await remote.latestCursor()) ?? cursor)\n    }\n"),
    ("parts that a stop has left are forgotten", "Engine/Pass/ChangeFeedReader.swift", "        guard progress.isListing, let cursor = progress.cursor else {", "        guard progress.isListing, let cursor = progress.cursor, cursor.text.isEmpty else {"),
    ("what parts no longer mention is wanted", "Store/Record/StateStore+Listing.swift", "            try Self.beginRelist(db)\n", "            try db.execute(sql: \"UPDATE state SET listing = 1; DELETE FROM listing\")\n"),
    ("another folder is listed as if it were the mirrored one", "AccountChecks/AccountGuard.swift", "if page.rootChange != nil || (isInDoubt && !page.hasMore) {", "if page.rootChange != nil {"),
    ("an uploaded file takes another one's name", "MirrorFS/Tree/MirrorTree+AdoptUpload.swift", "_ = here.renameNoReplace(path.name, to: here, name)", "_ = here.rename(path.name, to: here, name, replacing: true)"),
    ("a folder that is not found is empty", "Store/Record/StateStore+Record.swift", "            if !isGone { try Self.move(part, to: next, in: db) }\n", "            try Self.move(part, to: next, in: db)\n"),
    ("the guard looks after the first removals", "Engine/Pass/Prune.swift", "        try await LossBrake(context).check(.removing)\n        var position: RemoteKey?\n", "        var position: RemoteKey?\n", "        try await LossBrake(context).check(.removing)\n        let items", "        let items", "            try await publisher.publish(operations.map { PreparedOperation($0) })\n", "            try await publisher.publish(operations.map { PreparedOperation($0) })\n            try await LossBrake(context).check(.removing)\n"),
    ("what came later is approved, too", "Store/Safety/StateStore+Holds.swift", "decided = ? WHERE id = ?", "decided = ? WHERE id >= ?"),
    ("the trash is not part of the intent", "Engine/Pass/Publisher.swift", "var intents = batch.flatMap { $0.intents(trash: trash) }\n        if let trash, let", "var intents = batch.flatMap { $0.intents() }\n        if let trash, trash.isEmpty, let"),
    ("bytes are not verified", "MirrorFS/Staging/StagingFile.swift", "guard offset == version.size, hash == version.hash else {", "guard offset == version.size else {"),
]

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TREE = os.path.join(HERE, ".build", "mutants")


def planted(mutant, tree):
    """The text of the file as it is, and with the fault in it; `None` for the latter if it cannot be planted."""
    with open(os.path.join(tree, "Sources", mutant[1]), encoding="utf-8") as file:
        original = text = file.read()
    for old, new in zip(mutant[2::2], mutant[3::2]):
        if text.count(old) != 1:
            return original, None
        text = text.replace(old, new)
    return original, text


def check(mutants):
    """Ends if the text that one of the mutants changes is not in its file, exactly once."""
    misfits = [mutant for mutant in mutants if planted(mutant, HERE)[1] is None]
    for mutant in misfits:
        print(f"{mutant[0]}: {mutant[1]} does not hold what is to be changed exactly once", file=sys.stderr)
    if misfits:
        sys.exit(1)


def swift(*arguments):
    environment = dict(os.environ, DBXSYNC_WARNINGS="")
    environment.setdefault("DBXSYNC_CAMPAIGN", "400")
    return subprocess.run(
        ["timeout", "1800", "swift", *arguments], cwd=TREE, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def verdict(mutant):
    """Whether the fault was found, and by what."""
    path = os.path.join(TREE, "Sources", mutant[1])
    original, text = planted(mutant, TREE)
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        built = swift("build", "--build-tests")
        if built.returncode:
            return False, f"it does not compile: {built.stdout[-3000:]}"
        run = swift("test", "--skip-build", "--disable-xctest", "--filter", "CampaignTests|CrashSweepTests|ListeningTests|PartedListingTests|PassTests|PageFoldTests|StagingTests|LocalChangeTests|MarkerTests|ChecksumTests|WatchTests|SweepTests|AccountGuardTests|AdoptUploadTests|GuardTests|TrashTests")
        found = [line for line in run.stdout.splitlines() if line.startswith("✘ Test ") and "failed after" in line]
        return run.returncode != 0, "; ".join(line.split('"')[1] for line in found if '"' in line) or f"the tests ended with {run.returncode}"
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(original)


def main():
    check(MUTANTS)
    if sys.argv[1:] == ["--check"]:
        return
    chosen = [mutant for mutant in MUTANTS if not sys.argv[1:] or mutant[0] in sys.argv[1:]]
    os.makedirs(TREE, exist_ok=True)
    for name in ["Sources", "Tests"]:
        shutil.rmtree(os.path.join(TREE, name), ignore_errors=True)
        shutil.copytree(os.path.join(HERE, name), os.path.join(TREE, name))
    shutil.copy(os.path.join(HERE, "Package.swift"), TREE)
    survivors = 0
    for mutant in chosen:
        caught, how = verdict(mutant)
        survivors += not caught
        print(f"{'caught  ' if caught else 'SURVIVED'}  {mutant[0]}  ({how})", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} faults caught")
    sys.exit(survivors > 0)


if __name__ == "__main__":
    main()
