import Foundation

/// Ten milliseconds on the calling thread.
func sleepBriefly() { usleep(10_000) }

/// Descriptors that this process has open.
func openDescriptors() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? -1
}
