package origin

import (
	"crypto/sha1" //nolint:gosec // RFC 6455, section 4.2.2 wants it
	"encoding/base64"
	"encoding/binary"
)

// Opcodes of RFC 6455, section 5.2.
const (
	opText  = 1
	opClose = 8
)

// Frame is an unmasked, final frame with the given opcode.
func Frame(opcode byte, payload []byte) []byte {
	frame := []byte{0x80 | opcode}
	if len(payload) < 126 {
		frame = append(frame, byte(len(payload)))
	} else {
		frame = append(frame, 126)
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(payload)))
	}
	return append(frame, payload...)
}

// Accept is the Sec-WebSocket-Accept value that answers a key.
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as the RFC says
	return base64.StdEncoding.EncodeToString(sum[:])
}

// websocket accepts the upgrade, shows the head in a first frame, then sends
// each message back behind "echo:" until a close frame, which it mirrors.
func (c *conn) websocket(r *request) {
	c.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + Accept(r.header("sec-websocket-key")) + "\r\nX-Upstream: " + c.server.name + "\r\n\r\n")
	c.write(string(Frame(opText, c.server.echo(r))))
	for {
		opcode, payload, err := c.readFrame()
		if err != nil {
			return
		}
		if opcode == opClose {
			c.write(string(Frame(opClose, payload)))
			return
		}
		c.write(string(Frame(opText, append([]byte("echo:"), payload...))))
	}
}

// readFrame reads one masked frame of less than 64 KiB.
func (c *conn) readFrame() (opcode byte, payload []byte, err error) {
	head, err := c.take(2)
	if err != nil {
		return 0, nil, err
	}
	opcode = head[0] & 0x0f
	length := int(head[1] & 0x7f)
	if length == 126 {
		long, err := c.take(2)
		if err != nil {
			return 0, nil, err
		}
		length = int(binary.BigEndian.Uint16(long))
	}
	mask, err := c.take(4)
	if err != nil {
		return 0, nil, err
	}
	payload, err = c.take(length)
	if err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return opcode, payload, nil
}
