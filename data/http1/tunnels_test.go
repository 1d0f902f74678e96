package http1

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"
)

// frame is a WebSocket frame with an opcode and a payload of so many bytes.
func frame(op byte, size int, masked bool) []byte {
	head := []byte{finalFrame | op, 0}
	switch {
	case size < 126:
		head[1] = byte(size)
	case size < 1<<16:
		head = append(head, byte(size>>8), byte(size))
		head[1] = 126
	default:
		head = append(head, 0, 0, 0, 0, byte(size>>24), byte(size>>16), byte(size>>8), byte(size))
		head[1] = 127
	}
	if masked {
		head[1] |= maskedFrame
		head = append(head, 1, 2, 3, 4)
	}
	return append(head, bytes.Repeat([]byte{0xff}, size)...)
}

// TestFramesAreFollowed cuts a stream of frames anywhere and looks whether their
// ends are found.
func TestFramesAreFollowed(t *testing.T) {
	var stream []byte
	ends := map[int]bool{0: true}
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 3} {
		for _, masked := range []bool{false, true} {
			stream = append(stream, frame(2, size, masked)...)
			ends[len(stream)] = true
		}
	}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		var f frames
		for at := 0; at < len(stream); {
			size := 1 + random.IntN(1<<random.IntN(18))
			part := stream[at:min(at+size, len(stream))]
			want := -1
			for end := range ends {
				if end >= at && end <= at+len(part) {
					want = max(want, end-at)
				}
			}
			if got := f.pass(part); got != want {
				t.Fatalf("seed %d: of the %d bytes at %d, the last frame ends at %d, want %d", seed, len(part), at, got, want)
			}
			at += len(part)
		}
		if f.closed {
			t.Fatal("a close frame was seen where there is none")
		}
	}
	var f frames
	if f.pass(frame(opClose, 2, true)); !f.closed {
		t.Error("a close frame was not seen")
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(frame(1, 5, true), 3)
	f.Add(frame(2, 70000, false), 11)
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		var whole, parts frames
		end := whole.pass(stream)
		if end < -1 || end > len(stream) {
			t.Fatalf("a frame ends at %d of %d", end, len(stream))
		}
		cut = min(max(cut, 0), len(stream))
		first, second := parts.pass(stream[:cut]), parts.pass(stream[cut:])
		if second >= 0 {
			first = cut + second
		}
		if first != end || whole.left != parts.left || whole.n != parts.n || whole.closed != parts.closed {
			t.Fatalf("in one piece %d %+v, in two %d %+v", end, whole, first, parts)
		}
	})
}

// TestTunnelsEndInGoodOrder sees to it that a client is told 1001 between two frames,
// and that its answer does not cost it that.
func TestTunnelsEndInGoodOrder(t *testing.T) {
	const head = "HTTP/1.1 101 Switching Protocols\r\n\r\n"
	for wire, plain := range wires {
		for name, sent := range map[string][]byte{
			"quiet":            nil,
			"after a frame":    frame(1, 200, true),
			"in a frame":       append(frame(1, 200, true), frame(2, 300, true)[:50]...),
			"client has ended": frame(opClose, 2, true),
		} {
			t.Run(wire+", "+name, func(t *testing.T) {
				results := make(chan TunnelResult, 1)
				var in Tunnels
				nc := dial(t, tunnelThrough(t, plain, TunnelOptions{Timeout: time.Minute, In: &in}, results))
				if _, err := nc.Write(append([]byte(upgrade), sent...)); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(head)+len(sent))
				if _, err := io.ReadFull(nc, got); err != nil {
					t.Fatal(err)
				}
				in.End()
				// The target may be the first to say goodbye: it repeats what it hears.
				want := []byte{finalFrame | opClose}
				switch name {
				case "in a frame": // the rest of it lets the frame end
					if _, err := nc.Write(frame(2, 300, true)[50:]); err != nil {
						t.Fatal(err)
					}
					want = append(frame(2, 300, true)[50:], want...)
				case "client has ended":
					want = nil
				}
				rest := make([]byte, len(want))
				if _, err := io.ReadFull(nc, rest); err != nil || !bytes.Equal(rest, want) {
					t.Fatalf("%x, %v; want %x", rest, err, want)
				}
				if _, err := nc.Write(closeFrame(goingAway, true)); err != nil {
					t.Error(err)
				}
				if err := nc.CloseWrite(); err != nil {
					t.Error(err)
				}
				more, err := io.ReadAll(nc)
				if len(want) > 0 {
					more = append(want[len(want)-1:], more...)
				}
				if err != nil || !onlyCloseFrames(more) {
					t.Errorf("then %x, %v", more, err)
				}
				if r := <-results; r.Err != nil {
					t.Errorf("Tunnel = %+v", r)
				}
				if in.Len() != 0 {
					t.Errorf("%d tunnels are left", in.Len())
				}
			})
		}
	}
}

// onlyCloseFrames reports whether b is close frames with a code, masked or not.
func onlyCloseFrames(b []byte) bool {
	for len(b) >= 4 && b[0] == finalFrame|opClose {
		switch {
		case b[1] == 2:
			b = b[4:]
		case b[1] == 2|0x80 && len(b) >= 8:
			b = b[8:]
		default:
			return false
		}
	}
	return len(b) == 0
}

// TestTunnelsAreCut sees to it that a client that does not listen is got rid of.
func TestTunnelsAreCut(t *testing.T) {
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			results := make(chan TunnelResult, 1)
			var in Tunnels
			nc := dial(t, tunnelThrough(t, plain, TunnelOptions{Timeout: time.Minute, In: &in}, results))
			fmt.Fprint(nc, upgrade)
			if _, err := io.ReadFull(nc, make([]byte, 12)); err != nil {
				t.Fatal(err)
			}
			for in.Len() == 0 { // the tunnel is about to begin
				continue
			}
			in.End()
			in.Cut()
			if r := <-results; r.Err == nil {
				t.Errorf("Tunnel = %+v, want an error", r)
			}
		})
	}
}
