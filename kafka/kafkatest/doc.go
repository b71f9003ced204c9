// Package kafkatest has the tests of the package kafka that need brokers: kfake is an Apache Kafka
// inside the process, which fails on request.
package kafkatest
