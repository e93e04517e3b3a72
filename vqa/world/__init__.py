"""The simulated world: scenes of simple objects, their pictures, and questions about them."""
