import Configuration
import Dropbox
import SyncModel
import Web

/// An answer of list_folder, byte by byte from anywhere: a page or an error.
enum PageFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) {
        for depth in 0...2 {
            guard let page = try? ChangePage(json: input, remoteDepth: depth) else { continue }
            for edit in PageFold.edits(for: page.changes) {
                guard case .put(let key, _, let parents) = edit else { continue }
                precondition(parents.count < key.depth || key.depth == 0, "more parents than the key has")
            }
        }
    }
}

/// Names that a server may send: no path made of them leads out of the mirror.
enum PathFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        var path = MirrorPath.root
        for part in text.split(separator: "\u{1}", omittingEmptySubsequences: false) {
            guard let next = try? path.appending(FileName(String(part))) else { continue }
            precondition(next.parent == path && next.name == FileName(String(part)))
            path = next
        }
        check(path)
        if let read = MirrorPath(text: text) { check(read) }
        let key = RemoteKey(text)
        for above in key.ancestors { precondition(above.contains(key) || above == key) }
    }

    private static func check(_ path: MirrorPath) {
        for part in path.text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        where !path.components.isEmpty {
            precondition(!part.isEmpty && part.count <= 255, "an empty or overlong component")
            precondition(!part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8), "a way out")
            precondition(!part.contains(0), "a NUL byte")
        }
        if let first = path.components.first { precondition(first != MirrorPath.ownFolder, "dbxsync's own folder") }
        precondition(MirrorPath(text: path.text) == path, "written and read again it is another path")
    }
}

/// A configuration file: a checked configuration, whose text means the same, or problems that name the file.
enum ConfigFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) {
        switch ConfigFile.parse(input, file: "f") {
        case .failure(let problems):
            precondition(!problems.problems.isEmpty)
            for problem in problems.problems { precondition(problem.description.hasPrefix("f")) }
        case .success(let config):
            var shown = config
            shown.account.appSecret = nil  // secrets are not shown
            guard case .success(var again) = ConfigFile.parse(Array(shown.toml.utf8), file: "f") else {
                preconditionFailure("what is in effect is no configuration: \(shown.toml)")
            }
            again.account.proxy = shown.account.proxy  // nor are passwords in it
            precondition(again == shown, "what is in effect means something else: \(shown.toml)")
        }
    }
}

/// What a browser sends, or somebody who is none: a request or a refusal, the same however it arrives, and nothing of it in
/// an answer that a browser would obey.
enum RequestFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) {
        let whole = RequestReader.read(input)
        if case .incomplete = whole { precondition(input.count < RequestReader.mostBytes, "nothing was decided") }
        // What was decided on less is decided.
        if let early = (0..<min(input.count, 64)).lazy.map({ RequestReader.read(Array(input[..<$0])) }).first(where: {
            $0 != .incomplete
        }) {
            precondition(early == whole, "more bytes have changed what they mean")
        }
        guard case .request(let request) = whole else { return }
        precondition(request.path.hasPrefix("/") && !request.path.contains("?"))
        if let host = request.host { _ = HostRule(["name.example"]).allows(host) }
        for parameter in request.query {
            let text = Markup.text(parameter.value)
            precondition(!text.unicodeScalars.contains { "<>\"'\u{0}\u{202E}".unicodeScalars.contains($0) })
        }
    }
}
