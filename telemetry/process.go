package telemetry

import (
	"bytes"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
)

// writeProcess writes what every Prometheus dashboard expects of a process. What the system
// does not tell is left out.
func writeProcess(e *exposition) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(samples)
	one := func(name, kind, help string, value float64) {
		e.family(name, kind, help)
		e.sample(name, value)
	}
	one("go_goroutines", gauge, "Goroutines that exist.", float64(runtime.NumGoroutine()))
	one("go_memstats_alloc_bytes", gauge, "Bytes of heap objects.", float64(samples[0].Value.Uint64()))
	one("go_memstats_sys_bytes", gauge, "Bytes taken from the system.", float64(samples[1].Value.Uint64()))
	one("go_gc_cycles_total", counter, "Garbage collections since the start.", float64(samples[2].Value.Uint64()))
	if seconds, ok := processorSeconds(); ok {
		one("process_cpu_seconds_total", counter, "Processor time used, in user and system mode.", seconds)
	}
	if bytes, ok := residentBytes(); ok {
		one("process_resident_memory_bytes", gauge, "Memory that is resident.", bytes)
	}
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		one("process_open_fds", gauge, "Open file descriptors.", float64(len(entries)))
	}
}

// residentBytes reads the second number of /proc/self/statm, in pages.
func residentBytes() (float64, bool) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseFloat(string(fields[1]), 64)
	return pages * float64(os.Getpagesize()), err == nil
}

// processorSeconds reads user and system time from /proc/self/stat, in ticks of 10 ms. They
// are the 14th and 15th field; the second is a name in brackets, which may hold anything.
func processorSeconds() (float64, bool) {
	data, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err := strconv.ParseFloat(string(fields[11]), 64)
	system, err2 := strconv.ParseFloat(string(fields[12]), 64)
	return (user + system) / 100, err == nil && err2 == nil
}
