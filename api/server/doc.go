// Package server answers the control interface of a running engine.
//
// It promises that no client slows the engine, however slow, dead or
// malicious it is: connections, requests and their time are bounded, and the
// engine is asked one question at a time. Only the engine's own user and
// root are answered.
package server
