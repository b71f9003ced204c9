package sink

// ChunkSize is the unit in which an Uploader takes and sends bytes.
const ChunkSize = chunkSize

// Chunks tells how many chunks an Uploader has made, how many different ones nobody uses,
// and how many it may make. It is for when Run has returned, and takes the chunks away.
func (u *Uploader) Chunks() (made, free, limit int) {
	different := map[*byte]bool{}
	for _, c := range u.mem.free {
		different[&c[:1][0]] = true
	}
	u.mem.free = nil
	return u.mem.made, len(different), u.mem.limit
}
