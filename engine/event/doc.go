// Package event is what happens in a system, in words that outlive it: the
// type of an event with its stable JSON form, and a bus that hands events to
// whoever looks.
//
// Events are facts about the past. They are values: nobody changes one that
// was published. The bus never makes the publisher wait; who reads too slowly
// loses the oldest and is told how many.
package event
