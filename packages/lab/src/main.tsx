// First of all: what is imported next relies on it.
import './platform/buffer.js'
import { render } from 'preact'
import { App } from './view/app.js'
import { Lab } from './view/lab.js'
import { openDropped } from './view/open-files.js'
import { openAddress } from './view/share.js'
import { restoreTheme } from './view/theme.js'
import './view/diagram.css'
import './view/style.css'

restoreTheme()
const lab = new Lab()
const root = document.getElementById('app')
if (root !== null) render(<App lab={lab} />, root)
openDropped(lab)
void openAddress(lab)
