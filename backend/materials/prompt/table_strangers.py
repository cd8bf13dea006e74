"""Lexicon: correct English words that look like words of the lexicon and are not.

The speller leaves them alone, and they are reported as unknown.
"""

from __future__ import annotations

_WORDS = """
absence absently agent ages aground alley allow amour anterior arbor ardent arena argent armory ashland assent averaged averages backing
banana banda banged bangs bank banker banks banned barak barked barker barking basal basketball basque batteries battery beard bench bends
binds birth bitch blacks blank blooded blowing blown blues bluff bollywood bonded bonds bones boone borne boss bottled bounded branded
brands breach breached bread bridges brigham brighton brink brisk broadway brock broke broker brood browne browns brows brush brushes
brutality buffer buffet buffy buick buried burnett burns burst burying caine cake cameo candy canoe car carbonate cardinals cared carmel
carson carver caste castile cat cattle ceased cesar chaired charged charted chartered cheese chevrolet chill chilling chopped chopper
choral chromosome chromosomes clare claremont clary classified classify clear clement clever clipped clips clock closer cluster cobbler
colton commonly commonplace commotion completed compose composed composer composing composite composure conquered consisted consistency
consisting contacted contemporaries contracts contrasts cooked cooper correlated corrupted cortes cortex could course cover craig crane
crank craved creaked created crippled crushed curved danes debts declaring decreased dedicated defeats defective define defined delay
delayed delaying denied denis denise denoted deserve deserves dessert destroyer destroyers detained dewey dice dipping disclosed
discovered disorders docking dog donor dragon dressed drink dropping drugged duane dukes dunne duplicate electrical electrically
electricity electrified electronic elmer evening evenings event exceeding exception exceptional exceptions excerpt exploding fabricated
fabrication faced fades famed fated feather feeling fencing fiber fifth fighter figure figures figuring fined fines finger finish
finishing firth flags flaming flanking flaps flash flatly flesh flick flicked float floorplan flourish flower flowering flowers flowing
flows floyd flute flutes folder folks follows foods founded fountain front fronted froze fumbled furnished gaping garde gardener gardening
gasps gazed geometridae ghost giants glare glared glass glasses glittering gloves glue gould grabs graded grady grams grange granny grant
grasp grave gravely graves graveyard greed greek greenberg greene greens greer greet grimes grimly grimm grind gripping groin gross
grounded grounds groundwater group grouping grove groves hacking hamid hampered hand hayes heart heather heaving hiding historia historian
historians historically histories holds holloway holmes homes hoped hopes horned horse housed incense industrialist industries inferior
intensity intensive interface interfaces irony jagger jelly jets jogged joining joins kitchener knows lamps land lange latch lather laval
leader leaders leading leads leafs leary leases leaving lester lever lice licking lighted lighting linden lined liner lines listening
lister lock locking longed longer longing longs loss love machines maddy magna maine maintains manufacture manufacturer manufacturers
manufactures march marched marion marlon masses mated materialized maternal matteo matter mattered matters meals medal medals mental
messed messing metabolic mice miller minas minds mines minutes missed misses missy moderator modernism modernization modernized molly
moody mortal mortals moses mound mouse mumbled mused naturalist necks newly news niche nickelodeon nicky niece nights nipples norma
normally norman olds oliver organise organised organising organism organisms organist organize organized organizer organizers organizes
organizing overheard paced pacing packet packets packing paddle pained pains painters paintings panted panties pants paper papers parked
particles passive paste patel patna patrol patted patterson pavel paying peace peeked peeking peered peering perch perched perfection
peter petroleum photographed photographer photographers photon picked pilasters pillow pizza place placed placement places placing plaid
plains planck plane planes planet planets planned planning plans planting plastic plata plateau platinum plato platt played playing plume
plump point polar poles ponder ponds poole popular ports poses posture pounded power praised prank preach precision prefect premise
presses pressured prick primetime print printed printing processed proponent proto published racks ragged raided rainer raion raise raises
randolph ransom ravens reader redding reds reeling regulars regulate regulated regulates regulating regulation regulations regulator
regulators regulatory reich rejecting releasing relocated replacing reporting respectable respecting respective restarted rested resting
restore retreating revealing rice riches ricky rider rides rigged ripped ripping rivera robbed robot rocker rocking rohan romani romano
romans ronan rooms roots rosen roses rosie rotating rouge roughly rounder rouse routing rover rowan rubbed rubber rugby rumble rumbled
rumbling runaway rushed rushing russell rustling sacked sailed sales salim salman salon saloon sample satan savannah scala scalp scans
scared scares scarlett scary scattered scoffed score scorer scores scots scrapped screen screened screenplay screens screw screwed sealing
seals seamen seamus sears seated seats seems seine sends setting settings shaded shadow shadows shaken shakespeare shaking shall shame
shane shape shapes share shares shave shawn sheltered shipped shipping shire shirt shivering shone shoot shore shortly shorts shots shout
showed shrine shrinking shrugs sided siena signed silly simply singer singing single singled singles skate skills skinner slack slade
slams slash slashed slater slave slaves sleep sleet slice slide sliding slots slowed slowing smacked smell smiled smoked smoking snakes
snarled snort soared soaring sounded spans sparkle spawn speaks spells spine splits spoil spoiled spoke sport sports sprawling springsteen
squire stage stairs stakes stale stalked stall stammered stamp stand standardization stands starred startling state states stationed steal
steam steele steep steer stick stills stocked stoke stokes stole store stored stores story stove straightening straightforward strained
strains strap stray streamed streams streetcar stretched stretches strides strikes string strip stripped strips stronghold strung stuffed
sudden surfaced sustained swallow swallowed swami swans swarm sword synthesis tablet tailed tainted tales tank tanner tearing tears
template thank thing think threats three tides tighter tilted tilting timed timer times timetable timing tired tires title titled titles
topical toss tracked tracking traditionally traditions trained transitional travel travelled trick tricked truck trusted trusting tumbled
tundra turning twisting unclear unfolded unicorn uniforms unrelated urbana using vanish vanished vantage varies variety vegetarian
victoria victories villagers vimes vinyl violent wages waiter wakes wales walks wallis wally walter warned warner waterway waving wearing
wears weary weather weaver wedge weeks wendy whipped whipping whistle whites wicked wicket wickets widen wilde wills winery winger winner
wives woken women woolf wounded wrenched write yellowstone
"""

STRANGERS = frozenset(_WORDS.split())
