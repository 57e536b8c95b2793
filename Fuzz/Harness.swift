import Glibc

/// One thing to be fuzzed: bytes go in, and nothing but an answer or an error comes out.
///
/// A broken promise is a failed precondition, which the fuzzer reports with the input that broke it.
protocol FuzzTarget: SendableMetatype {
    static func run(_ input: [UInt8])
}

/// The target named by DBXSYNC_FUZZ, chosen once.
private let target: any FuzzTarget.Type = {
    let targets: [String: any FuzzTarget.Type] = [
        "page": PageFuzz.self, "fold": FoldFuzz.self, "path": PathFuzz.self, "config": ConfigFuzz.self,
        "rows": RowsFuzz.self, "zip": ZipFuzz.self, "request": RequestFuzz.self,
    ]
    let name = getenv("DBXSYNC_FUZZ").map { String(cString: $0) } ?? ""
    guard let target = targets[name] else {
        print("DBXSYNC_FUZZ names one of: \(targets.keys.sorted().joined(separator: ", "))")
        exit(64)
    }
    return target
}()

@main struct Main {
    static func main() {
        var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
        exit(
            runDriver(&count, &arguments, fuzzOne))
    }
}

/// The entry point that libFuzzer looks for.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    target.run(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
}

/// LLVMFuzzerRunDriver (LLVM, libFuzzer documentation): the fuzzer's main, with this callback for each input.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Small numbers taken from the input, zero when it is used up.
struct Choices {
    private var rest: ArraySlice<UInt8>

    init(_ input: [UInt8]) { rest = input[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func next(below bound: Int) -> Int { Int(rest.popFirst() ?? 0) % bound }

    /// A text of at most `most` bytes.
    mutating func text(most: Int) -> String {
        let count = min(next(below: most + 1), rest.count)
        defer { rest = rest.dropFirst(count) }
        return String(decoding: rest.prefix(count), as: UTF8.self)
    }
}

/// Waits for asynchronous work: the fuzzer's entry point is synchronous.
func waiting<Result: Sendable>(_ work: @escaping @Sendable () async -> Result) -> Result {
    let box = ResultBox<Result>()
    Task {
        box.value = await work()
        sem_post(box.done)
    }
    while sem_wait(box.done) != 0 {}
    guard let value = box.value else { preconditionFailure("the work has ended without a result") }
    return value
}

private final class ResultBox<Value>: @unchecked Sendable {
    // `@unchecked`: written before the semaphore is raised, read afterwards.
    var value: Value?
    let done = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(done, 0, 0) }

    deinit {
        sem_destroy(done)
        done.deallocate()
    }
}
