import Foundation

/// Ten milliseconds on the calling thread.
func sleepBriefly() { usleep(10_000) }
