/// Runs `work` to its end even if the caller is cancelled meanwhile: a batch begun is a batch finished.
///
/// The only unstructured task of the product. GRDB rolls back what a cancelled task was writing, which would leave
/// effects done and not recorded.
func shielded<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws -> Result {
    try await Task { try await work() }.value
}
