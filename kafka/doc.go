// Package kafka is the engine for more than one machine: Apache Kafka, and all that speaks its
// protocol, stands between the sync and the objects.
//
//	source ─▶ Front ──produce──▶ topics, P partitions ──group──▶ Worker × N ──▶ objects
//	            ▲                                                    │
//	            └── a STATE, once its barriers are committed ◀── commits offsets
//
// The cluster does membership, fencing, order and progress. What is ours is how a partition's
// records get into objects, each into exactly one. A worker cuts a partition into epochs, runs of
// offsets S to E, and takes each through four steps:
//
//	fill      read S to E; parts may be uploaded, nothing is visible
//	prepare   commit the offset S once more, with E in its metadata: refused to who lost the partition
//	complete  make the objects visible, under keys made of topic, topic id, partition and S
//	commit    commit the offset E+1
//
// Whoever owns the partition next sees what the last owner did: without E nothing of the epoch is
// visible, and it may cut anew; with E it writes exactly S to E once more, under the same keys, and
// finds the objects there or makes them. An owner that was paused and wakes late can only complete
// the same rows under the same keys. No store needs more for that than objects that appear whole.
package kafka
